"""What accounts leave behind when nobody comes back for it."""

import uuid
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine, delete, func, select

from quant import audit
from quant.db.account_models import Account, EmailVerification, PasswordReset
from quant.origin import Origin
from quant.vocabulary import AuditEvent

# A link to verify an address lives a day, and may be mailed anew on each of these.
UNVERIFIED_KEPT: Final = timedelta(days=7)
# Accounts deleted in one transaction: each appends to the audit log, where others wait meanwhile.
_AT_ONCE: Final = 50


def delete_unverified(engine: Engine) -> int:
    """Delete accounts whose address nobody verified in time; return how many.

    Those a valid link was mailed for stay until it expires.
    """
    deleted = 0
    while batch := _delete_batch(engine):
        deleted += len(batch)
    return deleted


def _delete_batch(engine: Engine) -> list[uuid.UUID]:
    link = select(EmailVerification.token_hash).where(
        EmailVerification.account_id == Account.id, EmailVerification.expires_at > func.now()
    )
    # Rows that a verification or a registration holds now are left to the next time.
    abandoned = (
        select(Account.id)
        .where(
            Account.email_verified_at.is_(None),
            Account.created_at < func.now() - UNVERIFIED_KEPT,
            ~link.exists(),
        )
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    connection = engine.connect().execution_options(isolation_level="READ COMMITTED")
    with connection, connection.begin():
        deleted = list(
            connection.scalars(
                delete(Account).where(Account.id.in_(abandoned)).returning(Account.id)
            )
        )
        for account_id in deleted:
            audit.record(
                connection,
                AuditEvent.ACCOUNT_DELETED,
                actor=None,
                target=str(account_id),
                origin=Origin(),
                details={"reason": "never verified"},
            )
    return deleted


def delete_expired_links(engine: Engine) -> None:
    """Delete tokens of mails that have expired."""
    with engine.connect() as connection:
        for mailed in (EmailVerification, PasswordReset):
            connection.execute(delete(mailed).where(mailed.expires_at <= func.now()))
