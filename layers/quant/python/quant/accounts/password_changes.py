"""Change of a password."""

import math
import uuid
from functools import partial

from sqlalchemy import Connection, func, select, update

from quant import audit, revocation
from quant.accounts import attempts, passwords
from quant.accounts.sessions import revoke
from quant.db.account_models import Account
from quant.db.session import read, write
from quant.errors import ConflictError, InvalidInputError, NotFoundError, TooManyAttemptsError
from quant.origin import Origin
from quant.vocabulary import AuditEvent


def change_password(
    account_id: uuid.UUID,
    session_id: uuid.UUID | None,
    old_password: str,
    new_password: str,
    origin: Origin,
) -> None:
    """Change a password and end all other sessions of the account; API tokens stay.

    Args:
        account_id: The account.
        session_id: The caller's own session, which stays.
        old_password: The password it has.
        new_password: The password it gets.
        origin: Where the request came from.

    Raises:
        InvalidInputError: The old password is wrong, or the new one is refused.
        ConflictError: The password was changed by another request meanwhile.
        TooManyAttemptsError: Too many old passwords were wrong.
        NotFoundError: There is no such account.
        StoreUnavailableError: Postgres cannot be reached.
    """
    account = read(
        lambda connection: connection.execute(
            select(Account.email, Account.password_hash).where(Account.id == account_id)
        ).one_or_none()
    )
    if account is None:
        msg = f"there is no account {account_id}"
        raise NotFoundError(msg)
    # The new password first: what is wrong with it is no attempt at the old one.
    if new_password == old_password:
        msg = "the new password is the old one"
        raise InvalidInputError("new_password", "same_password", msg)
    passwords.check_strength(new_password, account.email, field="new_password")
    backoff = attempts.PASSWORD_CHANGE
    key = backoff.key(str(account_id))
    attempts.locks().check([key])
    attempt = write(lambda connection: attempts.count(connection, key, backoff))
    if not attempt.admitted:
        raise TooManyAttemptsError(math.ceil(attempt.locked_for_s))
    if not passwords.verify(old_password, account.password_hash):
        attempts.locks().set([attempt])
        msg = "the old password is wrong"
        raise InvalidInputError("old_password", "wrong_password", msg)
    revocation.announce(
        write(
            partial(
                _change_password,
                account_id=account_id,
                session_id=session_id,
                old_hash=account.password_hash,
                new_hash=passwords.hash_password(new_password),
                origin=origin,
            )
        )
    )


def _change_password(
    connection: Connection,
    *,
    account_id: uuid.UUID,
    session_id: uuid.UUID | None,
    old_hash: str,
    new_hash: str,
    origin: Origin,
) -> list[uuid.UUID]:
    changed = connection.execute(
        update(Account)
        .where(Account.id == account_id, Account.password_hash == old_hash)
        .values(password_hash=new_hash, password_changed_at=func.now())
        .returning(Account.id)
    ).one_or_none()
    if changed is None:
        msg = "the password was changed by another request"
        raise ConflictError(msg)
    revoked = revoke(connection, account_id, "password_changed", spare=session_id)
    attempts.forgive(connection, attempts.PASSWORD_CHANGE.key(str(account_id)))
    audit.record(
        connection,
        AuditEvent.PASSWORD_CHANGED,
        actor=account_id,
        target=str(account_id),
        origin=origin,
        details={"sessions_revoked": len(revoked)},
    )
    return revoked
