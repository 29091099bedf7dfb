"""API tokens of an account's machines: make, list, revoke. ``quant.api_tokens`` verifies them."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from quant import audit
from quant.accounts.opaque import digest, new_token
from quant.api_tokens import PREFIX
from quant.db.account_models import Account, ApiToken
from quant.db.session import read, write
from quant.errors import ConflictError, NotFoundError
from quant.origin import Origin
from quant.vocabulary import AuditEvent

# Live tokens an account may have.
MAX_TOKENS: Final = 50

_LISTED: Final = (
    ApiToken.id,
    ApiToken.name,
    ApiToken.scopes,
    ApiToken.created_at,
    ApiToken.expires_at,
    ApiToken.last_used_at,
)


def _live(account_id: uuid.UUID) -> tuple[Any, ...]:
    return (
        ApiToken.account_id == account_id,
        ApiToken.revoked_at.is_(None),
        ApiToken.expires_at > func.now(),
    )


def create(
    account_id: uuid.UUID, *, name: str, scopes: Iterable[str], lifetime: timedelta, origin: Origin
) -> dict[str, Any]:
    """Make an API token and return it with its data: the only time it is shown.

    Raises:
        ConflictError: The account has ``MAX_TOKENS`` live tokens.
        NotFoundError: There is no such account.
        StoreUnavailableError: Postgres cannot be reached.
    """
    token = new_token(PREFIX)
    granted = sorted(set(scopes))

    def query(connection: Connection) -> dict[str, Any]:
        # Locked, so that requests at the same time cannot exceed the number together.
        owner = connection.scalar(
            select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
        )
        if owner is None:
            msg = f"there is no account {account_id}"
            raise NotFoundError(msg)
        live = connection.scalar(
            select(func.count()).select_from(ApiToken).where(*_live(account_id))
        )
        if (live or 0) >= MAX_TOKENS:
            msg = f"an account has at most {MAX_TOKENS} API tokens; revoke one first"
            raise ConflictError(msg)
        row = connection.execute(
            insert(ApiToken)
            .values(
                id=uuid.uuid4(),
                account_id=account_id,
                name=name,
                token_hash=digest(token),
                scopes=granted,
                expires_at=func.now() + lifetime,
            )
            .returning(*_LISTED)
        ).one()
        audit.record(
            connection,
            AuditEvent.API_TOKEN_CREATED,
            actor=account_id,
            target=str(row.id),
            origin=origin,
            details={"scopes": granted, "expires_at": row.expires_at.isoformat()},
        )
        return {**row._mapping, "token": token}

    return write(query)


def list_tokens(account_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return an account's live API tokens, the newest first, without the tokens themselves."""
    return read(
        lambda connection: [
            dict(row._mapping)
            for row in connection.execute(
                select(*_LISTED)
                .where(*_live(account_id))
                .order_by(ApiToken.created_at.desc(), ApiToken.id)
            )
        ]
    )


def revoke(account_id: uuid.UUID, token_id: uuid.UUID, origin: Origin) -> None:
    """Revoke one of an account's API tokens.

    Raises:
        NotFoundError: The account has no such live token.
        StoreUnavailableError: Postgres cannot be reached.
    """

    def query(connection: Connection) -> None:
        revoked = connection.execute(
            update(ApiToken)
            .where(ApiToken.id == token_id, *_live(account_id))
            .values(revoked_at=func.now())
            .returning(ApiToken.id)
        ).one_or_none()
        if revoked is None:
            msg = f"you have no API token {token_id}"
            raise NotFoundError(msg)
        audit.record(
            connection,
            AuditEvent.API_TOKEN_REVOKED,
            actor=account_id,
            target=str(token_id),
            origin=origin,
        )

    write(query)
