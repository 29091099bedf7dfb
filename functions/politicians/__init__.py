"""Members of Congress and other filers."""

import quant_http.cold_start  # noqa: F401 - before what it speeds up
