"""Which login sessions have ended before their access tokens expire.

Postgres holds the truth (``login_sessions.revoked_at``, ``accounts.disabled_at``). Valkey holds an
index of it that the authorizer asks in one round trip: a key for each revoked session, and a marker
that says the index is complete. The marker lives ``INDEX_MAX_AGE_S`` only, and is set by whoever
has just copied the truth into the index; so an announcement that never reached Valkey, or a key
that Valkey evicted, is made up for within that time. Without marker or Valkey, Postgres is asked;
without Postgres too, nobody can say, and the caller must refuse.
"""

import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from quant.db.lookup import Lookup
from quant.settings import MAX_TOKEN_LIFETIME_S
from quant.valkey_store import ValkeyStore

INDEX_MAX_AGE_S: Final = 15
# No access token outlives its session's entry: the longest lifetime, and room for clocks.
REMEMBER_S: Final = MAX_TOKEN_LIFETIME_S + 60

# One hash tag keeps all keys in one slot of a cluster, as MGET requires.
_PREFIX: Final = "{quant:revoked}:"
_MARKER: Final = f"{_PREFIX}complete"

_ENDED: Final = """
    select id from login_sessions where revoked_at > now() - make_interval(secs => :age)
    union
    select s.id from accounts a join login_sessions s on s.account_id = a.id
    where a.disabled_at > now() - make_interval(secs => :age)
"""
_IS_ENDED: Final = """
    select exists (
        select from login_sessions s join accounts a on a.id = s.account_id
        where s.id = :id and (s.revoked_at is not null or a.disabled_at is not null)
    )
"""


def _key(session_id: uuid.UUID) -> str:
    return f"{_PREFIX}{session_id}"


class RevocationIndex:
    """The index of revoked sessions.

    Args:
        store: Where the index is.
        lookup: Asks Postgres.
    """

    def __init__(self, store: ValkeyStore | None = None, lookup: Lookup | None = None) -> None:
        self._store = store or ValkeyStore()
        self._lookup = lookup or Lookup()

    def is_revoked(self, session_id: uuid.UUID) -> bool:
        """Say whether a session has been revoked, or its account disabled.

        A session nobody knows is not revoked: demo tokens have one.

        Raises:
            StoreUnavailableError: Neither Valkey nor Postgres can tell.
        """
        found = self._store.attempt(lambda valkey: valkey.mget(_MARKER, _key(session_id)))
        if found is None:
            [[ended]] = self._lookup.rows(_IS_ENDED, id=session_id)
            return bool(ended)
        marker, revoked = found
        if revoked is not None:
            return True
        return marker is None and session_id in self._rebuild()

    def announce(self, session_ids: Iterable[uuid.UUID]) -> None:
        """Put sessions into the index, after the commit that revoked them; best effort."""
        keys = [_key(session_id) for session_id in session_ids]
        if keys:
            self._store.attempt(lambda valkey: _add(valkey, keys))

    def _rebuild(self) -> set[uuid.UUID]:
        """Copy the truth into the index and return it.

        Keys are only added: one announced since the truth was read must stay.
        """
        ended = {row[0] for row in self._lookup.rows(_ENDED, age=REMEMBER_S)}
        keys = [_key(session_id) for session_id in ended]
        self._store.attempt(lambda valkey: _add(valkey, keys, complete=True))
        return ended


def _add(valkey: Any, keys: Iterable[str], *, complete: bool = False) -> None:
    pipeline = valkey.pipeline(transaction=False)
    for key in keys:
        pipeline.set(key, b"", ex=REMEMBER_S)
    if complete:
        # Last, so that a pipeline that broke off leaves no marker.
        pipeline.set(_MARKER, b"", ex=INDEX_MAX_AGE_S)
    pipeline.execute()


@cache
def index() -> RevocationIndex:
    """Return the process's index, made from the environment's settings."""
    return RevocationIndex()


def announce(session_ids: Iterable[uuid.UUID]) -> None:
    """Make access tokens of revoked sessions stop working; call after the commit.

    Best effort: an announcement that is lost is made up for within ``INDEX_MAX_AGE_S``.
    """
    index().announce(session_ids)
