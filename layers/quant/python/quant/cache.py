"""Cache of answers in Valkey, valid for one version of the disclosed data.

An entry carries the data version it was read at; the current version is a key of its own, set by
imports and expiring after a minute. So a change of data shows at once where the import reached
Valkey, and within ``VERSION_TTL_S`` where it did not. Losing Valkey costs speed, never an answer.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from quant.observability import tracing
from quant.valkey_store import ValkeyStore

VERSION_TTL_S: Final = 60
ENTRY_TTL_S: Final = 300

# One hash tag keeps all keys in one slot of a cluster, as multi-key commands require.
_PREFIX: Final = "{quant:answers}:"
_VERSION_KEY: Final = f"{_PREFIX}version"
_SEPARATOR: Final = b"\n"


class AnswerCache:
    """Answers by query, each valid for one version of the data.

    Args:
        store: Where they are kept.
        on_lookup: Told of each lookup, and whether it found the answer.
    """

    def __init__(
        self,
        store: ValkeyStore | None = None,
        *,
        on_lookup: Callable[[bool], None] = lambda _hit: None,
    ) -> None:
        self._store = store or ValkeyStore()
        self._on_lookup = on_lookup

    def get_or_read(
        self, query: str, read: Callable[[], tuple[bytes, int | None]], *, ttl_s: int = ENTRY_TTL_S
    ) -> bytes:
        """Return the answer to ``query``, from the cache or by reading it.

        Args:
            query: Text that names the query with all its parameters.
            read: Reads the answer and the data version it was read at; None for an answer that is
                not of the present version, which is not kept.
            ttl_s: How long the answer is kept, seconds.
        """
        key = f"{_PREFIX}{hashlib.sha256(query.encode()).hexdigest()}"
        with tracing.part("cache"):
            found = self._store.attempt(lambda valkey: valkey.mget(_VERSION_KEY, key))
        if found is not None and None not in found:
            version, entry = found
            read_at, _, answer = entry.partition(_SEPARATOR)
            if read_at == version:
                self._on_lookup(True)
                return bytes(answer)
        self._on_lookup(False)
        answer, read_version = read()
        if read_version is None:
            return answer
        entry = str(read_version).encode() + _SEPARATOR + answer
        self._store.attempt(lambda valkey: _keep(valkey, key, entry, read_version, ttl_s))
        return answer

    def announce(self, version: int) -> None:
        """Make entries of versions before ``version`` invalid now."""
        self._store.attempt(lambda valkey: valkey.set(_VERSION_KEY, version, ex=VERSION_TTL_S))


def _keep(valkey: Any, key: str, entry: bytes, version: int, ttl_s: int) -> None:
    pipeline = valkey.pipeline(transaction=False)
    pipeline.set(key, entry, ex=ttl_s)
    # Never over a newer version: a slow reader must not bring old entries back to life.
    pipeline.set(_VERSION_KEY, version, ex=VERSION_TTL_S, nx=True)
    pipeline.execute()
