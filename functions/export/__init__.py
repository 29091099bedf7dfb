"""Exports of disclosed data."""

import quant_http.cold_start  # noqa: F401 - before what it speeds up
