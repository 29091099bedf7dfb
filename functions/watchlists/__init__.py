"""Watchlists of the caller's account, and what is delivered for them."""

import quant_http.cold_start  # noqa: F401 - before what it speeds up
