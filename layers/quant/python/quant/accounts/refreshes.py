"""Refresh: the next tokens of a session for the refresh token it had last.

A refresh token works once (rotation). Whatever changes a session locks its row first, so that all
of it happens one after the other. Two refreshes with one token at the same time are a reuse: the
first gets new tokens, the second revokes the session, new tokens included, because a thief's
replay looks just like it (RFC 9700, section 4.14.2). A client must therefore not refresh twice at
once, nor repeat a refresh whose answer it lost: it logs in again.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, Row, func, select, update

from quant import audit, revocation
from quant.accounts.issuing import RefreshSecret, Tokens, issuer, store_refresh_token
from quant.accounts.opaque import digest
from quant.accounts.sessions import revoke
from quant.db.account_models import Account, LoginSession, RefreshToken
from quant.db.session import write
from quant.errors import UnauthorizedError
from quant.origin import Origin
from quant.vocabulary import AuditEvent, Role

type _SessionRow = Row[uuid.UUID, uuid.UUID, datetime, datetime | None, str, Role, datetime | None]


@dataclass(frozen=True, slots=True)
class _Refreshed:
    session: _SessionRow
    refresh: RefreshSecret


@dataclass(frozen=True, slots=True)
class _Reused:
    session_id: uuid.UUID


def refresh(refresh_token: str, origin: Origin) -> Tokens:
    """Return the next tokens of a session, for the refresh token it had last.

    Raises:
        UnauthorizedError: The token is unknown, used or expired, or its session has ended. A used
            one ends the session.
        StoreUnavailableError: Postgres cannot be reached; the token may be used up.
    """
    # Before the token is used up: what may fail is done.
    signing_key = issuer().key()
    outcome = write(partial(_refresh, token_hash=digest(refresh_token), origin=origin))
    if isinstance(outcome, _Refreshed):
        return issuer().tokens(
            signing_key,
            account_id=outcome.session.account_id,
            tier=outcome.session.tier,
            role=outcome.session.role,
            session_id=outcome.session.id,
            refresh=outcome.refresh,
        )
    if isinstance(outcome, _Reused):
        revocation.announce([outcome.session_id])
    msg = "the refresh token is not valid; log in again"
    raise UnauthorizedError(msg)


def _refresh(
    connection: Connection, *, token_hash: bytes, origin: Origin
) -> _Refreshed | _Reused | None:
    owner = select(RefreshToken.session_id).where(RefreshToken.token_hash == token_hash)
    session = connection.execute(
        select(
            LoginSession.id,
            LoginSession.account_id,
            LoginSession.expires_at,
            LoginSession.revoked_at,
            Account.tier,
            Account.role,
            Account.disabled_at,
        )
        .join(Account, Account.id == LoginSession.account_id)
        .where(LoginSession.id == owner.scalar_subquery())
        .with_for_update(of=LoginSession)
    ).one_or_none()
    if session is None or session.revoked_at is not None or session.disabled_at is not None:
        return None
    # Read after the lock was got, hence with what an earlier refresh wrote.
    token = connection.execute(
        select(RefreshToken.expires_at, RefreshToken.used_at).where(
            RefreshToken.token_hash == token_hash
        )
    ).one()
    if token.used_at is not None:
        revoke(connection, session.account_id, "refresh_token_reused", only=session.id)
        audit.record(
            connection,
            AuditEvent.REFRESH_TOKEN_REUSED,
            actor=session.account_id,
            target=str(session.id),
            origin=origin,
        )
        return _Reused(session.id)
    if min(token.expires_at, session.expires_at) <= datetime.now(UTC):
        return None
    connection.execute(
        update(RefreshToken).where(RefreshToken.token_hash == token_hash).values(used_at=func.now())
    )
    following = store_refresh_token(connection, session.id, session.expires_at)
    connection.execute(
        update(LoginSession)
        .where(LoginSession.id == session.id)
        .values(
            last_used_at=func.now(),
            network=origin.network,
            user_agent_hash=origin.user_agent_hash,
        )
    )
    audit.record(
        connection,
        AuditEvent.TOKEN_REFRESHED,
        actor=session.account_id,
        target=str(session.id),
        origin=origin,
    )
    return _Refreshed(session, following)
