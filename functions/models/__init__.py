"""The models: cards, records, and which version predicts."""

import quant_http.cold_start  # noqa: F401 - before what it speeds up
