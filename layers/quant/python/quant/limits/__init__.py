"""Rate limits: exact sliding windows in Valkey, and what is done while Valkey is away."""

from quant.limits.local import LocalLimiter
from quant.limits.policy import account_windows, anonymous_windows
from quant.limits.rate_limiter import RateLimiter, limiter
from quant.limits.sliding import SlidingLogLimiter
from quant.limits.windows import Decision, Window, WindowState

__all__ = [
    "Decision",
    "LocalLimiter",
    "RateLimiter",
    "SlidingLogLimiter",
    "Window",
    "WindowState",
    "account_windows",
    "anonymous_windows",
    "limiter",
]
