"""Registration: an account is made unverified, and usable once a mailed token came back.

A new address and a known one get the same answer, by the same statements, and a mail each; only who
reads the mailbox learns which it was. Each registration of an address that is not verified yet has
a token of its own, which activates the password of that registration: registering somebody else's
address in advance gives no way into the account its owner activates.
"""

import uuid
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from quant import audit
from quant.accounts import attempts, emails, mail, passwords
from quant.accounts.opaque import VERIFICATION_PREFIX, digest, new_token
from quant.db.account_models import Account, EmailVerification
from quant.db.session import write
from quant.errors import ConflictError, InvalidInputError
from quant.origin import Origin
from quant.settings import EmailSettings
from quant.vocabulary import AuditEvent, Role

VERIFICATION_LIFETIME: Final = timedelta(hours=24)

_VERIFY_SUBJECT: Final = "Confirm your e-mail address"
_VERIFY_BODY: Final = """\
Somebody, we hope you, registered this address with the Quant Analytics Platform.

Confirm it within 24 hours:
{url}/api/v1/auth/verify-email#token={token}

The link opens a page with a button; {{"token": ...}} sent with POST to its address does the same.

If it was not you, do nothing: the account stays unusable.
"""
_KNOWN_SUBJECT: Final = "You already have an account"
_KNOWN_BODY: Final = """\
Somebody, we hope you, registered this address with the Quant Analytics Platform, where it has an
account already. Log in with the password of that account at {url}.

If it was not you, do nothing: your account is as it was.
"""


def register(email: str, password: str, origin: Origin) -> None:
    """Register an address, whether or not it has an account, and mail it.

    Raises:
        InvalidInputError: The address or the password is refused.
        StoreUnavailableError: Postgres or SES cannot be reached.
    """
    address = emails.normalise(email)
    passwords.check_strength(password, address)
    password_hash = passwords.hash_password(password)
    token = new_token(VERIFICATION_PREFIX)
    outcome = write(
        partial(_register, address=address, password_hash=password_hash, token=token, origin=origin)
    )
    if outcome == "throttled":
        return
    url = EmailSettings().public_url.rstrip("/")
    if outcome == "known":
        mail.send(address, _KNOWN_SUBJECT, _KNOWN_BODY.format(url=url))
    else:
        mail.send(address, _VERIFY_SUBJECT, _VERIFY_BODY.format(url=url, token=token))


def _register(
    connection: Connection, *, address: str, password_hash: str, token: str, origin: Origin
) -> str:
    backoff = attempts.REGISTRATION_MAIL
    mailing = attempts.count(connection, backoff.key(address), backoff)
    made = connection.execute(
        insert(Account)
        .values(id=uuid.uuid4(), email=address, password_hash=password_hash)
        .on_conflict_do_nothing(index_elements=[Account.email])
        .returning(Account.id)
    ).scalar_one_or_none()
    account = connection.execute(
        select(Account.id, Account.email_verified_at).where(Account.email == address)
    ).one()
    known = account.email_verified_at is not None
    # The same statement for all, so that they take the same time; it may insert nothing.
    verification = select(
        literal(digest(token), EmailVerification.token_hash.type),
        Account.id,
        literal(password_hash),
        func.now() + VERIFICATION_LIFETIME,
    ).where(
        Account.email == address, Account.email_verified_at.is_(None), literal(mailing.admitted)
    )
    connection.execute(
        insert(EmailVerification).from_select(
            ["token_hash", "account_id", "password_hash", "expires_at"], verification
        )
    )
    outcome = "known" if known else "repeated" if made is None else "new"
    if not mailing.admitted:
        outcome = "throttled"
    audit.record(
        connection,
        AuditEvent.REGISTERED,
        actor=None,
        target=str(account.id),
        origin=origin,
        details={"outcome": outcome},
    )
    return outcome


def verify_email(token: str, origin: Origin) -> None:
    """Make the account usable that a mailed token belongs to; the token works once.

    Raises:
        InvalidInputError: The token is unknown, used or expired.
        StoreUnavailableError: Postgres cannot be reached.
    """
    write(partial(_verify_email, token=token, origin=origin))


def _verify_email(connection: Connection, *, token: str, origin: Origin) -> None:
    verification = connection.execute(
        select(EmailVerification.account_id, EmailVerification.password_hash).where(
            EmailVerification.token_hash == digest(token),
            EmailVerification.expires_at > func.now(),
        )
    ).one_or_none()
    verified = None
    if verification is not None:
        # Takes the row's lock: of two tokens at the same time, one finds the account verified.
        verified = connection.execute(
            update(Account)
            .where(Account.id == verification.account_id, Account.email_verified_at.is_(None))
            .values(
                email_verified_at=func.now(),
                password_hash=verification.password_hash,
                password_changed_at=func.now(),
            )
            .returning(Account.id)
        ).scalar_one_or_none()
    if verified is None:
        msg = "the token is unknown, used or expired"
        raise InvalidInputError("token", "invalid_token", msg)
    connection.execute(delete(EmailVerification).where(EmailVerification.account_id == verified))
    audit.record(
        connection, AuditEvent.EMAIL_VERIFIED, actor=verified, target=str(verified), origin=origin
    )


def create_verified(email: str, password: str, *, tier: str, role: Role) -> uuid.UUID:
    """Make an account that needs no mail, on the word of whoever operates the platform.

    Raises:
        InvalidInputError: The address or the password is refused.
        ConflictError: The address has an account.
        StoreUnavailableError: Postgres cannot be reached.
    """
    address = emails.normalise(email)
    passwords.check_strength(password, address)
    password_hash = passwords.hash_password(password)
    account_id = uuid.uuid4()

    def create(connection: Connection) -> None:
        made = connection.execute(
            insert(Account)
            .values(
                id=account_id,
                email=address,
                password_hash=password_hash,
                tier=tier,
                role=role,
                email_verified_at=func.now(),
            )
            .on_conflict_do_nothing(index_elements=[Account.email])
            .returning(Account.id)
        ).scalar_one_or_none()
        if made is None:
            msg = "the address has an account already"
            raise ConflictError(msg)
        audit.record(
            connection,
            AuditEvent.REGISTERED,
            actor=None,
            target=str(account_id),
            origin=Origin(),
            details={"outcome": "created by an operator", "tier": tier, "role": role.value},
        )

    write(create)
    return account_id
