"""Valkey as everything in a process uses it: one client, behind one breaker."""

from collections.abc import Callable
from functools import cache
from typing import Any

from quant import snapstart
from quant.breaker import ValkeyBreaker, breaker
from quant.errors import StoreUnavailableError
from quant.settings import valkey_settings


def load() -> None:
    """Import the client at a function's start, so that its first request does not wait for it."""
    from quant import cluster  # noqa: F401, PLC0415


@cache
def client() -> Any:
    """Return the process's Valkey client, made from the environment's settings."""
    # Imported here: functions that never reach Valkey must not pay for the client's import.
    from valkey.backoff import NoBackoff  # noqa: PLC0415
    from valkey.retry import Retry  # noqa: PLC0415

    from quant.cluster import ClusterClient  # noqa: PLC0415

    settings = valkey_settings()
    credentials = settings.credentials()
    return ClusterClient(
        host=settings.host,
        port=settings.port,
        username=credentials.username,
        password=credentials.password.get_secret_value(),
        ssl=settings.tls,
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        # A kept connection may have died between invocations: one try on a new one.
        retry=Retry(NoBackoff(), 1),
        # Each would be a round trip of every new connection.
        lib_name=None,
        lib_version=None,
    )


# A snapshot outlives connections, and what it says of the server is out of date.
snapstart.after_restore(client.cache_clear)
snapstart.after_restore(breaker.cache_clear)


class ValkeyStore:
    """A Valkey that may be away.

    Args:
        client: Makes the client; called on every use.
        guard: Makes the breaker that leaves a lost Valkey alone; called on every use.
    """

    def __init__(
        self,
        client: Callable[[], Any] = client,
        guard: Callable[[], ValkeyBreaker] = breaker,
    ) -> None:
        self._client = client
        self._guard = guard

    def call[T](self, command: Callable[[Any], T]) -> T:
        """Return what ``command`` returns when given the client.

        Raises:
            StoreUnavailableError: Valkey failed, now or a moment ago.
        """
        return self._guard().call(lambda: command(self._client()))

    def failed(self, error: Exception) -> None:
        """Note that Valkey failed in one of several commands, of which others have answers."""
        self._guard().failed(error)

    def attempt[T](self, command: Callable[[Any], T]) -> T | None:
        """Return what ``command`` returns when given the client, ``None`` if Valkey is away."""
        try:
            return self.call(command)
        except StoreUnavailableError:
            return None
