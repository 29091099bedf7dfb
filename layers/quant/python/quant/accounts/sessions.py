"""Login sessions: list them, end them. ``quant.revocation`` makes their access tokens stop."""

import uuid
from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from quant import audit, revocation
from quant.db.account_models import LoginSession
from quant.db.session import read, write
from quant.errors import NotFoundError
from quant.origin import Origin
from quant.vocabulary import AuditEvent

# Sessions in a list, the most recently used ones.
LISTED: Final = 100


def revoke(
    connection: Connection,
    account_id: uuid.UUID,
    because: str,
    *,
    only: uuid.UUID | None = None,
    spare: uuid.UUID | None = None,
) -> list[uuid.UUID]:
    """Revoke live sessions of an account in the transaction of ``connection``.

    Args:
        connection: Connection with a transaction open.
        account_id: The account.
        because: Why, in a word.
        only: The session to revoke; all by default.
        spare: A session to leave alone.

    Returns:
        The sessions revoked; announce them (``quant.revocation``) after the commit.
    """
    live = (
        select(LoginSession.id)
        .where(
            LoginSession.account_id == account_id,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > func.now(),
        )
        # In one order for all, so that two of these never wait for each other.
        .order_by(LoginSession.id)
        .with_for_update()
    )
    if only is not None:
        live = live.where(LoginSession.id == only)
    if spare is not None:
        live = live.where(LoginSession.id != spare)
    revoked = list(connection.scalars(live))
    if revoked:
        connection.execute(
            update(LoginSession)
            .where(LoginSession.id.in_(revoked))
            .values(revoked_at=func.now(), revoked_because=because)
        )
    return revoked


def logout(account_id: uuid.UUID, session_id: uuid.UUID, origin: Origin) -> None:
    """End the caller's own session; one that has ended stays so.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
    """

    def query(connection: Connection) -> list[uuid.UUID]:
        revoked = revoke(connection, account_id, "logout", only=session_id)
        if revoked:
            audit.record(
                connection,
                AuditEvent.LOGGED_OUT,
                actor=account_id,
                target=str(session_id),
                origin=origin,
            )
        return revoked

    write(query)
    # Announced again if it was revoked before: that announcement may have been lost.
    revocation.announce([session_id])


def revoke_session(account_id: uuid.UUID, session_id: uuid.UUID, origin: Origin) -> None:
    """End one of an account's sessions.

    Raises:
        NotFoundError: The account has no such live session.
        StoreUnavailableError: Postgres cannot be reached.
    """

    def query(connection: Connection) -> None:
        if not revoke(connection, account_id, "revoked", only=session_id):
            msg = f"you have no session {session_id}"
            raise NotFoundError(msg)
        audit.record(
            connection,
            AuditEvent.SESSION_REVOKED,
            actor=account_id,
            target=str(session_id),
            origin=origin,
        )

    write(query)
    revocation.announce([session_id])


def list_sessions(account_id: uuid.UUID, current: uuid.UUID | None) -> list[dict[str, Any]]:
    """Return an account's live sessions, the most recently used ``LISTED`` of them.

    Args:
        account_id: The account.
        current: The caller's own session.
    """

    def query(connection: Connection) -> list[dict[str, Any]]:
        rows = connection.execute(
            select(
                LoginSession.id,
                LoginSession.created_at,
                LoginSession.last_used_at,
                LoginSession.expires_at,
                LoginSession.network,
                LoginSession.user_agent_hash,
            )
            .where(
                LoginSession.account_id == account_id,
                LoginSession.revoked_at.is_(None),
                LoginSession.expires_at > func.now(),
            )
            .order_by(LoginSession.last_used_at.desc(), LoginSession.id)
            .limit(LISTED)
        )
        return [{**row._mapping, "current": row.id == current} for row in rows]

    return read(query)
