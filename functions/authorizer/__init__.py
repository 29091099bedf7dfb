"""The Lambda authorizer in front of every token route."""

import quant.cold_start  # noqa: F401
