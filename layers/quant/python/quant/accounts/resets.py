"""Reset of a forgotten password, by a token that is mailed.

A known address and any other get the same answer, by the same statements, and a mail each, as in a
registration; only who reads the mailbox learns which it was.

Whoever resets a password may be taking the account back from somebody else. So a reset ends all
sessions and revokes all API tokens: what the other has made for later must not work any more.
"""

import uuid
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from quant import audit, revocation
from quant.accounts import attempts, emails, mail, passwords
from quant.accounts.opaque import RESET_PREFIX, digest, new_token
from quant.accounts.sessions import revoke
from quant.db.account_models import Account, ApiToken, PasswordReset
from quant.db.session import read, write
from quant.errors import InvalidInputError
from quant.origin import Origin
from quant.settings import EmailSettings
from quant.vocabulary import AuditEvent

RESET_LIFETIME: Final = timedelta(hours=1)

_RESET_SUBJECT: Final = "Choose a new password"
_RESET_BODY: Final = """\
Somebody, we hope you, forgot the password of your account with the Quant Analytics Platform.

Choose a new one within an hour:
{url}/api/v1/auth/reset-password#token={token}

The link opens a page with a form; {{"token": ..., "new_password": ...}} sent with POST to its
address does the same. A new password ends all sessions and revokes all API tokens of the account.

If it was not you, do nothing: your account is as it was.
"""
_UNKNOWN_SUBJECT: Final = "You have no account"
_UNKNOWN_BODY: Final = """\
Somebody, we hope you, asked for a new password of an account with the Quant Analytics Platform.
This address has no account that could get one; perhaps you registered with another address, or
never confirmed this one.

If it was not you, do nothing.
"""


def request_reset(email: str, origin: Origin) -> None:
    """Mail a token to whom an address belongs, if it has an account, and a note otherwise.

    Raises:
        InvalidInputError: The address is malformed.
        StoreUnavailableError: Postgres or SES cannot be reached.
    """
    address = emails.normalise(email)
    token = new_token(RESET_PREFIX)
    # Before the outcome is known, so that it does not take time for a known address alone.
    url = EmailSettings().public_url.rstrip("/")
    outcome = write(partial(_request, address=address, token=token, origin=origin))
    if outcome == "throttled":
        return
    if outcome == "known":
        mail.send(address, _RESET_SUBJECT, _RESET_BODY.format(url=url, token=token))
    else:
        mail.send(address, _UNKNOWN_SUBJECT, _UNKNOWN_BODY)


def _request(connection: Connection, *, address: str, token: str, origin: Origin) -> str:
    backoff = attempts.RESET_MAIL
    mailing = attempts.count(connection, backoff.key(address), backoff)
    account_id = connection.execute(
        select(Account.id).where(
            Account.email == address,
            Account.email_verified_at.is_not(None),
            Account.disabled_at.is_(None),
        )
    ).scalar_one_or_none()
    outcome = "unknown" if account_id is None else "known"
    if mailing.admitted:
        # For an unknown address too, so that it takes the same time: a token of no account.
        connection.execute(
            insert(PasswordReset).values(
                token_hash=digest(token),
                account_id=account_id,
                expires_at=func.now() + RESET_LIFETIME,
            )
        )
    else:
        outcome = "throttled"
    audit.record(
        connection,
        AuditEvent.PASSWORD_RESET_REQUESTED,
        actor=None,
        target=None if account_id is None else str(account_id),
        origin=origin,
        details={"outcome": outcome},
    )
    return outcome


def reset_password(token: str, new_password: str, origin: Origin) -> None:
    """Give the account that a mailed token belongs to a new password; the token works once.

    Raises:
        InvalidInputError: The token is unknown, used or expired, or the password is refused, which
            leaves the token as it is.
        StoreUnavailableError: Postgres cannot be reached.
    """
    email = read(partial(_email_of, token=token))
    if email is None:
        raise _invalid_token()
    passwords.check_strength(new_password, email, field="new_password")
    revoked = write(
        partial(_reset, token=token, new_hash=passwords.hash_password(new_password), origin=origin)
    )
    revocation.announce(revoked)
    attempts.locks().clear([attempts.LOGIN_OF_ACCOUNT.key(email)])


def _email_of(connection: Connection, *, token: str) -> str | None:
    return connection.execute(
        select(Account.email)
        .join(PasswordReset, PasswordReset.account_id == Account.id)
        .where(*_valid(token))
    ).scalar_one_or_none()


def _valid(token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        PasswordReset.token_hash == digest(token),
        PasswordReset.expires_at > func.now(),
        Account.disabled_at.is_(None),
    )


def _invalid_token() -> InvalidInputError:
    return InvalidInputError("token", "invalid_token", "the token is unknown, used or expired")


def _reset(connection: Connection, *, token: str, new_hash: str, origin: Origin) -> list[uuid.UUID]:
    # The account first, as everything does that changes one: two resets must not wait for each
    # other. Who waited may find the token used.
    account = connection.execute(
        select(Account.id, Account.email)
        .join(PasswordReset, PasswordReset.account_id == Account.id)
        .where(*_valid(token))
        .with_for_update(of=Account, key_share=True)
    ).one_or_none()
    if account is None:
        raise _invalid_token()
    mailed = connection.scalars(
        delete(PasswordReset)
        .where(PasswordReset.account_id == account.id)
        .returning(PasswordReset.token_hash)
    ).all()
    if digest(token) not in map(bytes, mailed):
        raise _invalid_token()
    connection.execute(
        update(Account)
        .where(Account.id == account.id)
        .values(password_hash=new_hash, password_changed_at=func.now())
    )
    sessions = revoke(connection, account.id, "password_reset")
    api_tokens = connection.scalars(
        update(ApiToken)
        .where(ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(ApiToken.id)
    ).all()
    # Whoever guessed at the old password has not locked its owner out.
    attempts.forgive(connection, attempts.LOGIN_OF_ACCOUNT.key(account.email))
    audit.record(
        connection,
        AuditEvent.PASSWORD_RESET,
        actor=account.id,
        target=str(account.id),
        origin=origin,
        details={"sessions_revoked": len(sessions), "api_tokens_revoked": len(api_tokens)},
    )
    return sessions
