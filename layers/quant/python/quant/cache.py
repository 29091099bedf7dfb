"""Cache of answers in Valkey, valid for one version of the disclosed data.

An entry carries the data version it was read at; the current version is a key of its own, set by
imports and expiring after a minute. So a change of data shows at once where the import reached
Valkey, and within ``VERSION_TTL_S`` where it did not. Losing Valkey costs speed, never an answer.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from quant.valkey_store import ValkeyStore

VERSION_TTL_S: Final = 60
ENTRY_TTL_S: Final = 300

# One hash tag keeps all keys in one slot of a cluster, as multi-key commands require.
_PREFIX: Final = "{quant:answers}:"
_VERSION_KEY: Final = f"{_PREFIX}version"
_SEPARATOR: Final = b"\n"


class AnswerCache:
    """Answers by query, each valid for one version of the data.

    Whoever looks an answer up sends the command, beside others if there are any to be sent.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: ValkeyStore | None = None) -> None:
        self._store = store or ValkeyStore()

    def lookup(self, query: str) -> tuple[str, ...]:
        """Return the command that looks up the answer to ``query``; ``found`` reads its result.

        Args:
            query: Text that names the query with all its parameters.
        """
        return ("MGET", _VERSION_KEY, _key(query))

    def found(self, result: Sequence[bytes | None] | None) -> bytes | None:
        """Return the answer that a lookup has found, ``None`` if there is none of this version.

        Args:
            result: Result of the command, ``None`` if Valkey is away.
        """
        if result is None:
            return None
        version, entry = result
        if version is None or entry is None:
            return None
        read_at, _, answer = entry.partition(_SEPARATOR)
        return answer if read_at == version else None

    def keep(self, query: str, answer: bytes, version: int, *, ttl_s: int = ENTRY_TTL_S) -> None:
        """Keep an answer, without waiting until it is.

        Args:
            query: As of ``lookup``.
            answer: The answer.
            version: Data version it was read at.
            ttl_s: How long it is kept, seconds.
        """
        entry = str(version).encode() + _SEPARATOR + answer

        self._store.attempt(
            lambda valkey: valkey.post(
                ("SET", _key(query), entry, "EX", ttl_s),
                # Never over a newer version: a slow reader must not bring old entries back to life.
                ("SET", _VERSION_KEY, version, "EX", VERSION_TTL_S, "NX"),
            )
        )

    def announce(self, version: int) -> None:
        """Make entries of versions before ``version`` invalid now."""
        self._store.attempt(lambda valkey: valkey.set(_VERSION_KEY, version, ex=VERSION_TTL_S))


def _key(query: str) -> str:
    return f"{_PREFIX}{hashlib.sha256(query.encode()).hexdigest()}"
