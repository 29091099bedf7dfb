"""Attempts that are counted, and locks that grow with their number.

Postgres counts. An attempt counts before its outcome is known, in one statement that takes the
key's row lock, so that attempts at the same time cannot slip past the count; one that turns out
well is taken back. From the ``free``-th attempt on, a key is locked for a time that doubles with
each further one; attempts while it is locked do not count.

Valkey holds the locks, so that a locked key costs one round trip to it and nothing else. Postgres
is asked about whatever Valkey lets through, so losing Valkey loses no lock.

Keys are digests of what is counted, known account or not: a lock tells nothing about accounts.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from quant.db.account_models import AttemptCounter
from quant.errors import TooManyAttemptsError
from quant.valkey_store import ValkeyStore

# A key without attempts for this long starts anew.
FORGET_AFTER_S: Final = 86_400
# Old rows deleted with each attempt that turned out well.
PURGED_AT_ONCE: Final = 50

# One hash tag keeps all keys in one slot of a cluster.
_PREFIX: Final = "{quant:locks}:"


@dataclass(frozen=True, slots=True)
class Backoff:
    """How attempts of one kind are limited.

    Attributes:
        kind: Name of the kind.
        free: Attempts before the first lock.
        first_lock_s: Length of the first lock, seconds; each further one is twice as long.
        longest_lock_s: Length no lock exceeds, seconds.
    """

    kind: str
    free: int
    first_lock_s: int
    longest_lock_s: int

    def key(self, subject: str) -> str:
        """Return the key of what is counted, such as an address."""
        return f"{self.kind}:{hashlib.sha256(subject.encode()).hexdigest()}"


# Longer locks would hand whoever knows an address a way to shut its owner out for good.
LOGIN_OF_ACCOUNT: Final = Backoff("login-account", 5, first_lock_s=30, longest_lock_s=3600)
# A network is a /24 or /48, hence may be an office: more attempts, the same locks.
LOGIN_FROM_NETWORK: Final = Backoff("login-network", 50, first_lock_s=30, longest_lock_s=3600)
# Of somebody who holds an access token; a key of its own, so that strangers cannot lock it.
PASSWORD_CHANGE: Final = Backoff("password-change", 5, first_lock_s=30, longest_lock_s=3600)
# Mails to one address: nobody's mailbox is filled through us.
REGISTRATION_MAIL: Final = Backoff("registration-mail", 5, first_lock_s=3600, longest_lock_s=86_400)
RESET_MAIL: Final = Backoff("reset-mail", 5, first_lock_s=3600, longest_lock_s=86_400)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted, or refused.

    Attributes:
        key: What it counts for.
        admitted: Whether it may go on.
        locked_for_s: How long the key is locked now, seconds; 0 if it is not.
    """

    key: str
    admitted: bool
    locked_for_s: float


def count(connection: Connection, key: str, backoff: Backoff) -> Attempt:
    """Count an attempt in the transaction of ``connection``, unless its key is locked."""
    counter = AttemptCounter
    now = func.now()
    old = counter.last_at < now - _seconds(FORGET_AFTER_S)
    attempts = case((old, 1), else_=counter.attempts + 1)
    # The exponent is capped because 2^n overflows long before the count does.
    doubling = func.power(2, func.least(attempts - backoff.free, 30))
    lock_s = func.least(backoff.first_lock_s * doubling, backoff.longest_lock_s)
    statement = insert(counter).values(key=key, attempts=1, last_at=now)
    counted = connection.execute(
        statement.on_conflict_do_update(
            index_elements=[counter.key],
            set_={
                "attempts": attempts,
                "last_at": now,
                "locked_until": case((attempts >= backoff.free, now + _seconds(lock_s))),
            },
            where=or_(counter.locked_until.is_(None), counter.locked_until <= now),
        ).returning(_remaining_s())
    ).one_or_none()
    if counted is not None:
        return Attempt(key, admitted=True, locked_for_s=float(counted[0]))
    remaining = connection.scalar(select(_remaining_s()).where(counter.key == key))
    return Attempt(key, admitted=False, locked_for_s=float(remaining or 0))


def _seconds(number: Any) -> Any:
    return func.make_interval(0, 0, 0, 0, 0, 0, number)


def _remaining_s() -> Any:
    remaining = func.extract("epoch", AttemptCounter.locked_until - func.clock_timestamp())
    return func.greatest(func.coalesce(remaining, 0), 0)


def take_back(connection: Connection, key: str) -> None:
    """Undo the count of an attempt that turned out well, and the lock it may have set."""
    connection.execute(
        update(AttemptCounter)
        .where(AttemptCounter.key == key)
        .values(attempts=func.greatest(AttemptCounter.attempts - 1, 0), locked_until=None)
    )


def forgive(connection: Connection, key: str) -> None:
    """Forget all attempts of a key, and some that are old enough to be forgotten anyway."""
    counter = AttemptCounter
    old = (
        select(counter.key)
        .where(counter.last_at < func.now() - _seconds(FORGET_AFTER_S))
        .limit(PURGED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(counter).where(or_(counter.key == key, counter.key.in_(old))))


class Locks:
    """The locks in Valkey; without it, none.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: ValkeyStore | None = None) -> None:
        self._store = store or ValkeyStore()

    def check(self, keys: Iterable[str]) -> None:
        """Refuse an attempt whose key is known to be locked.

        Raises:
            TooManyAttemptsError: One of the keys is locked.
        """
        # PTTL is negative for a key that is not there.
        remaining_ms = self._try([("PTTL", f"{_PREFIX}{key}") for key in keys])
        longest = max(remaining_ms, default=0)
        if longest > 0:
            raise TooManyAttemptsError(math.ceil(longest / 1000))

    def set(self, attempts: Iterable[Attempt]) -> None:
        """Keep the locks of attempts that failed; best effort."""
        self._try(
            [
                (
                    "SET",
                    f"{_PREFIX}{attempt.key}",
                    b"",
                    "PX",
                    math.ceil(attempt.locked_for_s * 1000),
                )
                for attempt in attempts
                if attempt.locked_for_s > 0
            ]
        )

    def clear(self, keys: Iterable[str]) -> None:
        """Unlock keys; best effort."""
        self._try([("DEL", f"{_PREFIX}{key}") for key in keys])

    def _try(self, commands: list[tuple[Any, ...]]) -> list[int]:
        if not commands:
            return []

        def run(valkey: Any) -> list[int]:
            pipeline = valkey.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[int] = pipeline.execute()
            return answers

        return self._store.attempt(run) or []


@cache
def locks() -> Locks:
    """Return the process's locks, made from the environment's settings."""
    return Locks()
