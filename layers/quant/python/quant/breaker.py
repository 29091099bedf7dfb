"""A lost Valkey is left alone for a while, so that not every request pays for it in timeouts."""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Final

from quant.errors import StoreUnavailableError

# Seconds that nothing is asked of Valkey after a failure.
RETRY_AFTER_S: Final = 5.0

_logger = logging.getLogger("quant")


class ValkeyBreaker:
    """Runs commands against Valkey until one fails, then none for ``RETRY_AFTER_S``.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._silent_until = 0.0

    def call[T](self, command: Callable[[], T]) -> T:
        """Return what ``command`` returns.

        Raises:
            StoreUnavailableError: Valkey failed, now or within the last ``RETRY_AFTER_S``.
        """
        if self._clock() < self._silent_until:
            raise StoreUnavailableError("valkey")
        # Imported here: functions that never reach Valkey must not pay for the client's import.
        from valkey.exceptions import ValkeyError  # noqa: PLC0415

        try:
            return command()
        except (ValkeyError, OSError) as error:
            self.failed(error)
            raise StoreUnavailableError("valkey") from error

    def failed(self, error: Exception) -> None:
        """Have Valkey left alone for ``RETRY_AFTER_S``: it failed, if not in all it was asked."""
        self._silent_until = self._clock() + RETRY_AFTER_S
        _logger.warning("valkey is unavailable: %s", type(error).__name__)


@cache
def breaker() -> ValkeyBreaker:
    """Return the breaker that everything in the process shares that uses its Valkey client."""
    return ValkeyBreaker()
