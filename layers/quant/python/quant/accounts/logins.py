"""Logins: a password for the tokens of a new session.

An unknown address and a wrong password take the same statements and the same hash, hence the same
time, and get the same answer. Attempts are counted before the password is looked at
(``quant.accounts.attempts``). Each attempt leaves one entry in the audit log, and one that got no
answer because Postgres was away leaves it in the audit queue.
"""

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from quant import audit
from quant.accounts import attempts, emails, passwords
from quant.accounts.issuing import (
    SESSION_LIFETIME,
    RefreshSecret,
    Tokens,
    issuer,
    store_refresh_token,
)
from quant.db.account_models import Account, LoginSession
from quant.db.session import write
from quant.errors import (
    ForbiddenError,
    StoreUnavailableError,
    TooManyAttemptsError,
    UnauthorizedError,
)
from quant.origin import Origin
from quant.vocabulary import AuditEvent, Role

# Expired sessions are kept this long, and deleted by a later login of their account.
KEEP_EXPIRED: Final = timedelta(days=1)

_WRONG: Final = "the e-mail address or the password is wrong"
_FORBIDDEN: Final = {
    "unverified": "the e-mail address is not verified yet",
    "disabled": "the account is disabled",
}

type _Credentials = Row[uuid.UUID, str]
type _AccountRow = Row[uuid.UUID, str, str, Role, datetime | None, datetime | None]


class _LockedError(Exception):
    """Rolls back the transaction that found a key locked: the attempt counts for no key."""

    def __init__(self, locked_for_s: float) -> None:
        super().__init__()
        self.locked_for_s = locked_for_s


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What is known of an attempt before its password is looked at."""

    account: _Credentials | None
    of_account: attempts.Attempt
    from_network: attempts.Attempt


@dataclass(frozen=True, slots=True)
class _Opened:
    """A session that was opened."""

    account: _AccountRow
    session_id: uuid.UUID
    refresh: RefreshSecret


def login(email: str, password: str, origin: Origin) -> Tokens:
    """Return the tokens of a new session.

    Raises:
        InvalidInputError: The address is malformed.
        UnauthorizedError: The address or the password is wrong.
        ForbiddenError: They are right, but the account is not verified, or disabled.
        TooManyAttemptsError: Too many attempts failed, at this address or from this network.
        StoreUnavailableError: Postgres cannot be reached.
    """
    address = emails.normalise(email)
    try:
        return _login(address, password, origin)
    except TooManyAttemptsError:
        _record_failure("locked", None, origin)
        raise
    except StoreUnavailableError:
        _record_failure("store_unavailable", None, origin)
        raise


def _login(address: str, password: str, origin: Origin) -> Tokens:
    passwords.warm_up()
    signing_key = issuer().key()
    candidate = _count(address, origin)
    account = candidate.account
    if not passwords.verify(password, account.password_hash if account else None) or not account:
        attempts.locks().set([candidate.of_account, candidate.from_network])
        _record_failure("wrong_password", account, origin)
        raise UnauthorizedError(_WRONG)
    new_hash = None
    if passwords.needs_rehash(account.password_hash):
        new_hash = passwords.hash_password(password)
    opened = write(partial(_open, candidate=candidate, new_hash=new_hash, origin=origin))
    if opened == "wrong_password":
        raise UnauthorizedError(_WRONG)
    if isinstance(opened, str):
        raise ForbiddenError(_FORBIDDEN[opened])
    attempts.locks().clear([candidate.of_account.key, candidate.from_network.key])
    return issuer().tokens(
        signing_key,
        account_id=opened.account.id,
        tier=opened.account.tier,
        role=opened.account.role,
        session_id=opened.session_id,
        refresh=opened.refresh,
    )


def _record_failure(reason: str, account: _Credentials | None, origin: Origin) -> None:
    audit.record_or_queue(
        AuditEvent.LOGIN_FAILED,
        actor=None,
        target=str(account.id) if account else None,
        origin=origin,
        details={"reason": reason},
    )


def _count(address: str, origin: Origin) -> _Candidate:
    of_account, from_network = attempts.LOGIN_OF_ACCOUNT, attempts.LOGIN_FROM_NETWORK
    keys = of_account.key(address), from_network.key(origin.network or "unknown")
    attempts.locks().check(keys)

    def query(connection: Connection) -> _Candidate:
        counted = []
        for key, backoff in zip(keys, (of_account, from_network), strict=True):
            attempt = attempts.count(connection, key, backoff)
            if not attempt.admitted:
                raise _LockedError(attempt.locked_for_s)
            counted.append(attempt)
        account = connection.execute(
            select(Account.id, Account.password_hash).where(Account.email == address)
        ).one_or_none()
        return _Candidate(account, *counted)

    try:
        return write(query)
    except _LockedError as locked:
        raise TooManyAttemptsError(math.ceil(locked.locked_for_s)) from None


def _open(
    connection: Connection, *, candidate: _Candidate, new_hash: str | None, origin: Origin
) -> _Opened | str:
    """Open a session for whoever gave the right password, or return why not."""
    assert candidate.account is not None  # noqa: S101 - narrows for the type checker
    # Locked: a change of the password must either be seen here or revoke the session made here.
    account = connection.execute(
        select(
            Account.id,
            Account.password_hash,
            Account.tier,
            Account.role,
            Account.email_verified_at,
            Account.disabled_at,
        )
        .where(Account.id == candidate.account.id)
        .with_for_update(key_share=True)
    ).one()
    reason = None
    if account.password_hash != candidate.account.password_hash:
        reason = "wrong_password"
    elif account.disabled_at is not None:
        reason = "disabled"
    elif account.email_verified_at is None:
        reason = "unverified"
    if reason != "wrong_password":
        attempts.forgive(connection, candidate.of_account.key)
        attempts.take_back(connection, candidate.from_network.key)
    if reason is not None:
        audit.record(
            connection,
            AuditEvent.LOGIN_FAILED,
            actor=None,
            target=str(account.id),
            origin=origin,
            details={"reason": reason},
        )
        return reason
    if new_hash is not None:
        connection.execute(
            update(Account).where(Account.id == account.id).values(password_hash=new_hash)
        )
    connection.execute(
        delete(LoginSession).where(
            LoginSession.account_id == account.id,
            LoginSession.expires_at < func.now() - KEEP_EXPIRED,
        )
    )
    session_id = uuid.uuid4()
    expires_at = datetime.now(UTC) + SESSION_LIFETIME
    connection.execute(
        insert(LoginSession).values(
            id=session_id,
            account_id=account.id,
            expires_at=expires_at,
            user_agent_hash=origin.user_agent_hash,
            network=origin.network,
        )
    )
    refresh = store_refresh_token(connection, session_id, expires_at)
    audit.record(
        connection,
        AuditEvent.LOGIN_SUCCEEDED,
        actor=account.id,
        target=str(session_id),
        origin=origin,
    )
    return _Opened(account, session_id, refresh)
