"""The limiter of the platform: exact while Valkey answers, stricter while it does not."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from quant.errors import StoreUnavailableError
from quant.limits.local import LocalLimiter
from quant.limits.sliding import SlidingLogLimiter
from quant.limits.windows import Decision, Limiter, Window
from quant.settings import limit_settings
from quant.valkey_store import ValkeyStore


class RateLimiter:
    """Asks the exact limiter, or the local one where that cannot be reached.

    Around the moment Valkey is lost or comes back empty, a client may get its limit from each.

    Args:
        local: Decides while Valkey does not answer.
        store: What the exact limiter counts in.
    """

    def __init__(self, local: Limiter, store: ValkeyStore | None = None) -> None:
        self._local = local
        self._store = store or ValkeyStore()

    def check(self, subject: str, windows: Sequence[Window], *, count: bool = True) -> Decision:
        """Decide on a request; arguments as of ``Limiter``."""
        try:
            return self._store.call(
                lambda valkey: SlidingLogLimiter(valkey).check(subject, windows, count=count)
            )
        except StoreUnavailableError:
            return self._local.check(subject, windows, count=count)

    def check_with(
        self, command: Sequence[str], subject: str, windows: Sequence[Window]
    ) -> tuple[Decision, Any]:
        """Decide on a request that counts and run another command, in one round trip to Valkey.

        Args:
            command: The other command, with its arguments.
            subject: Names the client.
            windows: Windows it must pass, at least one.

        Returns:
            The decision, and what the command returned; ``None`` where it failed.
        """
        try:
            decision, found = self._store.call(
                lambda valkey: SlidingLogLimiter(valkey).check_with(command, subject, windows)
            )
        except StoreUnavailableError:
            return self._local.check(subject, windows), None
        if isinstance(found, Exception):
            self._store.failed(found)
            return decision, None
        return decision, found


@cache
def limiter() -> RateLimiter:
    """Return the process's limiter, made from the environment's settings."""
    return RateLimiter(LocalLimiter(limit_settings().share))
