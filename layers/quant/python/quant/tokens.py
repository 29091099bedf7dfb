"""Access tokens: JSON Web Tokens in the profile of RFC 9068, signed with Ed25519.

Sources: RFC 7519 (JWT), RFC 9068 (access token profile), RFC 8037 (EdDSA in JOSE), RFC 8725
(best current practices: one pinned algorithm, checked issuer, audience and type).
"""

import json
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import OKPAlgorithm

from quant.errors import QuantError
from quant.secrets import read_secret
from quant.tiers import TIERS

ALGORITHM: Final = "EdDSA"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - the type of RFC 9068, not a secret
# Clocks of the minter and the verifier may differ this much, in seconds.
LEEWAY_S: Final = 5
# A kid that is not in the key set has the set read again, but not more often than this: tokens
# with made-up kids must not turn into calls of Secrets Manager.
REFRESH_INTERVAL_S: Final = 30.0
# The set is read again after this long, so that a withdrawn key stops being accepted.
MAX_AGE_S: Final = 300.0
MAX_TOKEN_LENGTH: Final = 4096

# What a key set shows of each key; times of publication and expiry are our own business.
_PUBLIC_MEMBERS: Final = ("kty", "crv", "x", "kid", "alg", "use")
_REQUIRED_CLAIMS: Final = ("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "tier", "scope")


class InvalidTokenError(QuantError):
    """A token is malformed, not signed by us, or not meant for us."""


class ExpiredTokenError(InvalidTokenError):
    """A token was valid once, and is no longer."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a verified access token speaks for.

    Attributes:
        subject: Identifier of the account.
        tier: Name of a tier in the tier table.
        scopes: What the token may be used for.
        token_id: The token's ``jti``.
        session_id: The login the token descends from, its ``sid``; revoking it ends the token.
    """

    subject: str
    tier: str
    scopes: tuple[str, ...]
    token_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key (PKCS 8, PEM) and its key id."""

    kid: str
    private_key: str = field(repr=False)

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a new key."""
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        return cls(kid=f"{stamp}-{secrets.token_hex(4)}", private_key=pem.decode())

    def public_jwk(self) -> dict[str, str]:
        """Return the public half as a JSON Web Key (RFC 8037, section 2).

        Raises:
            ValueError: The private key is of another kind.
        """
        private_key = load_pem_private_key(self.private_key.encode(), password=None)
        if not isinstance(private_key, Ed25519PrivateKey):
            msg = "the signing key is not an Ed25519 key"
            raise ValueError(msg)
        public = OKPAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}


class JwksCache:
    """The public key set, read from its secret and kept by the process.

    Args:
        secret_arn: Returns the ARN of the secret; called when the set is read.
        fetch: Reads a secret.
        now: Seconds since the epoch. A monotonic clock stands still while Lambda freezes the
            environment, and would keep a withdrawn key in use for as long.
    """

    def __init__(
        self,
        secret_arn: Callable[[], str],
        *,
        fetch: Callable[[str], str] = read_secret,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secret_arn = secret_arn
        self._fetch = fetch
        self._now = now
        self._documents: list[dict[str, Any]] = []
        self._by_kid: dict[str, dict[str, Any]] = {}
        self._keys: dict[str, Any] = {}
        self._read_at: float | None = None

    def documents(self) -> list[dict[str, Any]]:
        """Return the key set as JSON Web Keys, at most ``REFRESH_INTERVAL_S`` old."""
        self._refresh(REFRESH_INTERVAL_S)
        return [
            {name: document[name] for name in _PUBLIC_MEMBERS}
            for document in self._documents
            if not self._expired(document)
        ]

    def key(self, kid: str) -> Any:
        """Return the public key called ``kid``.

        Raises:
            InvalidTokenError: The key set has no such key.
        """
        self._refresh(MAX_AGE_S if kid in self._keys else REFRESH_INTERVAL_S)
        key = self._keys.get(kid)
        if key is None or self._expired(self._by_kid[kid]):
            msg = "signed with an unknown key"
            raise InvalidTokenError(msg)
        return key

    def _expired(self, document: dict[str, Any]) -> bool:
        # A key that was rotated out names the time after which nothing it signed is valid.
        return "exp" in document and self._now() >= float(document["exp"])

    def _refresh(self, max_age_s: float) -> None:
        now = self._now()
        # A clock that was set back must not keep the set either.
        if self._read_at is not None and 0 <= now - self._read_at < max_age_s:
            return
        self._documents = json.loads(self._fetch(self._secret_arn()))["keys"]
        self._by_kid = {document["kid"]: document for document in self._documents}
        # Only keys of the pinned algorithm: a set must not be able to widen what is accepted.
        self._keys = {
            document["kid"]: jwt.PyJWK(document, algorithm=ALGORITHM)
            for document in self._documents
            if document.get("alg") == ALGORITHM
        }
        self._read_at = now


def mint(
    key: SigningKey,
    *,
    issuer: str,
    audience: str,
    subject: str,
    tier: str,
    scopes: Sequence[str],
    session_id: str,
    lifetime_s: int,
    now: Callable[[], float] = time.time,
) -> str:
    """Return a signed access token.

    Args:
        key: Key to sign with.
        issuer: The ``iss`` claim.
        audience: The ``aud`` claim.
        subject: Identifier of the account.
        tier: Name of a tier in the tier table.
        scopes: What the token may be used for.
        session_id: The login the token descends from, the ``sid`` claim.
        lifetime_s: Seconds until it expires.
        now: Returns the time, seconds since the epoch.

    Raises:
        KeyError: There is no such tier.
    """
    issued_at = int(now())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + lifetime_s,
        "jti": str(uuid.uuid4()),
        "sid": session_id,
        "tier": TIERS[tier].name,
        "scope": " ".join(scopes),
    }
    headers = {"kid": key.kid, "typ": TOKEN_TYPE}
    return jwt.encode(claims, key.private_key, algorithm=ALGORITHM, headers=headers)


def verify(token: str, keys: JwksCache, *, issuer: str, audience: str) -> Principal:
    """Return whom an access token speaks for.

    Args:
        token: The compact serialisation, without the ``Bearer`` scheme.
        keys: Key set to verify with.
        issuer: The ``iss`` claim it must have.
        audience: The ``aud`` claim it must have.

    Raises:
        ExpiredTokenError: It has expired.
        InvalidTokenError: It is malformed, signed by another, or meant for another.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        msg = "longer than any token we sign"
        raise InvalidTokenError(msg)
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != TOKEN_TYPE or not isinstance(header.get("kid"), str):
            msg = "not an access token"
            raise InvalidTokenError(msg)
        claims = jwt.decode(
            token,
            keys.key(header["kid"]),
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience=audience,
            leeway=LEEWAY_S,
            options={"require": list(_REQUIRED_CLAIMS), "strict_aud": True},
        )
    except jwt.ExpiredSignatureError as error:
        raise ExpiredTokenError(str(error)) from error
    except jwt.PyJWTError as error:
        raise InvalidTokenError(str(error)) from error
    if not (
        all(isinstance(claims[name], str) for name in ("sub", "sid", "scope", "tier"))
        and claims["tier"] in TIERS
    ):
        msg = "claims of the wrong form"
        raise InvalidTokenError(msg)
    return Principal(
        subject=claims["sub"],
        tier=claims["tier"],
        scopes=tuple(claims["scope"].split()),
        token_id=str(claims["jti"]),
        session_id=claims["sid"],
    )
