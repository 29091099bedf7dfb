"""An account's data, and the tier an administrator gives it."""

import uuid
from typing import Any

from sqlalchemy import Connection, select, update

from quant import audit
from quant.db.account_models import Account
from quant.db.session import read, write
from quant.errors import NotFoundError
from quant.origin import Origin
from quant.tiers import TIERS
from quant.vocabulary import AuditEvent

_PROFILE = (
    Account.id,
    Account.email,
    Account.tier,
    Account.role,
    Account.created_at,
    Account.email_verified_at,
    Account.password_changed_at,
)


def _not_found(account_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"there is no account {account_id}")


def get_account(account_id: uuid.UUID) -> dict[str, Any]:
    """Return an account's data.

    Raises:
        NotFoundError: There is no such account.
        StoreUnavailableError: Postgres cannot be reached.
    """
    row = read(
        lambda connection: connection.execute(
            select(*_PROFILE).where(Account.id == account_id)
        ).one_or_none()
    )
    if row is None:
        raise _not_found(account_id)
    return dict(row._mapping)


def change_tier(
    account_id: uuid.UUID, tier: str, *, actor: uuid.UUID, origin: Origin
) -> dict[str, Any]:
    """Give an account a tier and return its data; the next access token carries the tier.

    Raises:
        NotFoundError: There is no such account.
        StoreUnavailableError: Postgres cannot be reached.
    """

    def query(connection: Connection) -> Any:
        before = connection.scalar(
            select(Account.tier).where(Account.id == account_id).with_for_update(key_share=True)
        )
        if before is None:
            raise _not_found(account_id)
        row = connection.execute(
            update(Account)
            .where(Account.id == account_id)
            .values(tier=TIERS[tier].name)
            .returning(*_PROFILE)
        ).one()
        audit.record(
            connection,
            AuditEvent.TIER_CHANGED,
            actor=actor,
            target=str(account_id),
            origin=origin,
            details={"from": before, "to": tier},
        )
        return row

    return dict(write(query)._mapping)
