"""Cache of answers in Valkey, valid for one version of the disclosed data.

An entry carries the data version it was read at; the current version is a key of its own, set by
imports and expiring after a minute. So a change of data shows at once where the import reached
Valkey, and within ``VERSION_TTL_S`` where it did not. Losing Valkey costs speed, never an answer.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from quant.breaker import ValkeyBreaker, breaker
from quant.errors import StoreUnavailableError
from quant.settings import valkey_settings

VERSION_TTL_S: Final = 60
ENTRY_TTL_S: Final = 300

# One hash tag keeps all keys in one slot of a cluster, as multi-key commands require.
_PREFIX: Final = "{quant:answers}:"
_VERSION_KEY: Final = f"{_PREFIX}version"
_SEPARATOR: Final = b"\n"


@cache
def client() -> Any:
    """Return the process's Valkey client, made from the environment's settings."""
    # Imported here: functions that never reach Valkey must not pay for the client's import.
    import valkey  # noqa: PLC0415
    from valkey.backoff import NoBackoff  # noqa: PLC0415
    from valkey.retry import Retry  # noqa: PLC0415

    settings = valkey_settings()
    credentials = settings.credentials()
    return valkey.Valkey(
        host=settings.host,
        port=settings.port,
        username=credentials.username,
        password=credentials.password.get_secret_value(),
        ssl=settings.tls,
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        # A kept connection may have died between invocations: one try on a new one.
        retry=Retry(NoBackoff(), 1),
        lib_name=None,
        lib_version=None,
    )


class AnswerCache:
    """Answers by query, each valid for one version of the data.

    Args:
        valkey: Makes the client; called on first use.
        guard: Makes the breaker that leaves a lost Valkey alone; called on every use.
    """

    def __init__(
        self,
        valkey: Callable[[], Any] = client,
        guard: Callable[[], ValkeyBreaker] = breaker,
    ) -> None:
        self._valkey = valkey
        self._guard = guard

    def get_or_read(self, query: str, read: Callable[[], tuple[bytes, int]]) -> bytes:
        """Return the answer to ``query``, from the cache or by reading it.

        Args:
            query: Text that names the query with all its parameters.
            read: Reads the answer and the data version it was read at.
        """
        key = f"{_PREFIX}{hashlib.sha256(query.encode()).hexdigest()}"
        found = self._try(lambda valkey: valkey.mget(_VERSION_KEY, key))
        if found is not None and None not in found:
            version, entry = found
            read_at, _, answer = entry.partition(_SEPARATOR)
            if read_at == version:
                return bytes(answer)
        answer, read_version = read()
        entry = str(read_version).encode() + _SEPARATOR + answer
        self._try(lambda valkey: self._store(valkey, key, entry, read_version))
        return answer

    def announce(self, version: int) -> None:
        """Make entries of versions before ``version`` invalid now."""
        self._try(lambda valkey: valkey.set(_VERSION_KEY, version, ex=VERSION_TTL_S))

    @staticmethod
    def _store(valkey: Any, key: str, entry: bytes, version: int) -> bool:
        pipeline = valkey.pipeline(transaction=False)
        pipeline.set(key, entry, ex=ENTRY_TTL_S)
        # Never over a newer version: a slow reader must not bring old entries back to life.
        pipeline.set(_VERSION_KEY, version, ex=VERSION_TTL_S, nx=True)
        pipeline.execute()
        return True

    def _try(self, command: Callable[[Any], Any]) -> Any:
        try:
            return self._guard().call(lambda: command(self._valkey()))
        except StoreUnavailableError:
            return None
