"""Administration of accounts and the audit log."""

import quant_http.cold_start  # noqa: F401 - before what it speeds up
