"""Quality of what was read."""

import quant_http.cold_start  # noqa: F401 - before what it speeds up
