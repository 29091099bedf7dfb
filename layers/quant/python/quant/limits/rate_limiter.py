"""The limiter of the platform: exact while Valkey answers, stricter while it does not."""

from collections.abc import Callable, Sequence
from functools import cache

from quant.breaker import ValkeyBreaker, breaker
from quant.cache import client
from quant.errors import StoreUnavailableError
from quant.limits.local import LocalLimiter
from quant.limits.sliding import SlidingLogLimiter
from quant.limits.windows import Decision, Limiter, Window
from quant.settings import limit_settings


class RateLimiter:
    """Asks the exact limiter, or the local one where that cannot be reached.

    Around the moment Valkey is lost or comes back empty, a client may get its limit from each.

    Args:
        exact: Decides while Valkey answers.
        local: Decides while it does not.
        guard: Makes the breaker that leaves a lost Valkey alone; called on every use.
    """

    def __init__(
        self,
        exact: Limiter,
        local: Limiter,
        guard: Callable[[], ValkeyBreaker] = breaker,
    ) -> None:
        self._exact = exact
        self._local = local
        self._guard = guard

    def check(self, subject: str, windows: Sequence[Window], *, count: bool = True) -> Decision:
        """Decide on a request; arguments as of ``Limiter``."""
        try:
            return self._guard().call(lambda: self._exact.check(subject, windows, count=count))
        except StoreUnavailableError:
            return self._local.check(subject, windows, count=count)


@cache
def limiter() -> RateLimiter:
    """Return the process's limiter, made from the environment's settings."""
    return RateLimiter(
        SlidingLogLimiter(client),
        LocalLimiter(limit_settings().share),
    )
