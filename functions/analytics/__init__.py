"""Performance, backtests, relations, anomalies and their combination."""

import quant_http.cold_start  # noqa: F401 - before what it speeds up
