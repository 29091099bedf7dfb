"""Passwords: what is accepted, and their argon2id hashes.

Sources: RFC 9106 (argon2), OWASP Password Storage Cheat Sheet (parameters), NIST SP 800-63B,
section 5.1.1.2 (length, and a list of common passwords in place of rules of composition).
"""

import secrets
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from quant.accounts.lengths import MAX_PASSWORD, MIN_PASSWORD
from quant.errors import InvalidInputError
from quant.settings import PasswordSettings
from quant.snapstart import before_snapshot

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# zxcvbn's "safely unguessable"; what it estimates below falls to a list of common passwords or to
# simple rules on it.
MIN_SCORE: Final = 3
# Its work grows faster than its input; what follows can make a password only better. The hash is
# of all of it.
ESTIMATED_LENGTH: Final = 100


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher, Type  # noqa: PLC0415 - only where passwords are dealt with

    settings = PasswordSettings()
    return PasswordHasher(
        time_cost=settings.iterations,
        memory_cost=settings.memory_kib,
        parallelism=settings.parallelism,
        type=Type.ID,
    )


def _encoded(password: str) -> bytes:
    # The same characters typed on two systems may be composed differently (RFC 8265, section 4.2).
    return unicodedata.normalize("NFC", password).encode()


def check_strength(password: str, email: str, *, field: str = "password") -> None:
    """Refuse a password that is too short, too long, common, or made of the address.

    Args:
        password: The password, of any characters.
        email: Normalised address of its account.
        field: Name of the request's field, for the error.

    Raises:
        InvalidInputError: It is refused.
    """
    from zxcvbn import zxcvbn  # noqa: PLC0415 - a slow import, for registrations and changes only

    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        msg = f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters"
        raise InvalidInputError(field, "password_length", msg)
    local, _, domain = email.partition("@")
    estimate = zxcvbn(
        password[:ESTIMATED_LENGTH],
        user_inputs=[email, local, domain, *domain.split("."), "quant", "analytics"],
        max_length=ESTIMATED_LENGTH,
    )
    if estimate["score"] < MIN_SCORE:
        why = estimate["feedback"]["warning"] or "It is easy to guess."
        raise InvalidInputError(field, "common_password", f"choose another password: {why}")


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its salt and parameters (PHC string)."""
    return _hasher().hash(_encoded(password))


@cache
def _dummy_hash() -> str:
    return hash_password(secrets.token_urlsafe(32))


def warm_up() -> None:
    """Make what ``verify`` needs, so that its first call takes no longer than others."""
    _dummy_hash()


def _prepare() -> None:
    import zxcvbn  # noqa: F401, PLC0415

    warm_up()


before_snapshot(_prepare)


def verify(password: str, password_hash: str | None) -> bool:
    """Say whether a password matches a hash.

    Without a hash it takes as long as with one, and says no.
    """
    from argon2.exceptions import VerificationError  # noqa: PLC0415

    warm_up()
    try:
        _hasher().verify(password_hash or _dummy_hash(), _encoded(password))
    except VerificationError:
        return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Say whether a hash was made with parameters other than the present ones."""
    return _hasher().check_needs_rehash(password_hash)
