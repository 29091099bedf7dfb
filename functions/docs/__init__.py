"""The API's documentation."""

import quant_http.cold_start  # noqa: F401 - before what it speeds up
