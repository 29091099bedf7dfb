"""What a login or a refresh hands out: an access token and a refresh token.

A refresh token is used once and lives 7 days; a session lives 30 days at most, however often it is
refreshed (RFC 9700, section 4.14.2).
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import Connection, insert

from quant.accounts.opaque import REFRESH_PREFIX, digest, new_token
from quant.db.account_models import RefreshToken
from quant.keys import SIGNER_MAX_AGE_S, current_signing_key
from quant.settings import SigningSettings
from quant.tokens import SigningKey, mint
from quant.vocabulary import Role

REFRESH_LIFETIME: Final = timedelta(days=7)
SESSION_LIFETIME: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a session.

    Attributes:
        access_token: A signed JSON Web Token.
        expires_in: Seconds until it expires.
        refresh_token: Gets the next pair, once.
        refresh_expires_in: Seconds until it expires.
        scope: Scopes of the access token, separated by spaces.
        session_id: The session.
    """

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    scope: str
    session_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class RefreshSecret:
    """A refresh token that was stored, with the time it expires."""

    token: str
    expires_at: datetime


def store_refresh_token(
    connection: Connection, session_id: uuid.UUID, session_expires_at: datetime
) -> RefreshSecret:
    """Store a new refresh token of a session and return it."""
    secret = RefreshSecret(
        new_token(REFRESH_PREFIX), min(datetime.now(UTC) + REFRESH_LIFETIME, session_expires_at)
    )
    connection.execute(
        insert(RefreshToken).values(
            token_hash=digest(secret.token), session_id=session_id, expires_at=secret.expires_at
        )
    )
    return secret


def scopes(role: Role) -> tuple[str, ...]:
    """Return the scopes of the access tokens of a role."""
    return ("read", "account", "admin") if role is Role.ADMIN else ("read", "account")


class Issuer:
    """Signs access tokens with the current key, which it keeps for ``SIGNER_MAX_AGE_S``.

    Args:
        clock: Seconds since the epoch. A monotonic clock stands still while the environment is
            frozen between invocations, and would keep a key in use that was withdrawn meanwhile.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._settings = SigningSettings()
        self._clock = clock
        self._key: SigningKey | None = None
        self._read_at = 0.0

    def key(self) -> SigningKey:
        """Return the key to sign with; call it before the transaction whose outcome is signed."""
        now = self._clock()
        if self._key is None or not 0 <= now - self._read_at < SIGNER_MAX_AGE_S:
            self._key = current_signing_key(self._settings.signing_key_secret_arn)
            self._read_at = now
        return self._key

    def tokens(
        self,
        key: SigningKey,
        *,
        account_id: uuid.UUID,
        tier: str,
        role: Role,
        session_id: uuid.UUID,
        refresh: RefreshSecret,
    ) -> Tokens:
        """Return the tokens of a session, as the client gets them."""
        granted = scopes(role)
        access_token = mint(
            key,
            issuer=self._settings.issuer,
            audience=self._settings.audience,
            subject=str(account_id),
            tier=tier,
            scopes=granted,
            lifetime_s=self._settings.lifetime_s,
            session_id=str(session_id),
        )
        return Tokens(
            access_token=access_token,
            expires_in=self._settings.lifetime_s,
            refresh_token=refresh.token,
            refresh_expires_in=int((refresh.expires_at - datetime.now(UTC)).total_seconds()),
            scope=" ".join(granted),
            session_id=session_id,
        )


@cache
def issuer() -> Issuer:
    """Return the process's issuer, made from the environment's settings."""
    return Issuer()
