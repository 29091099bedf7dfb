"""Access tokens that were never ours, or are no longer: a name for each and how it is made."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from quant.tokens import SigningKey

# Order of the group of Ed25519 (RFC 8032, section 5.1).
_GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


def _segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _raw(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


class Forger:
    """Knows everything that is public, and one valid token.

    Args:
        key: The platform's signing key; used for tokens that are signed well and wrong otherwise.
        issuer: The platform's issuer.
        audience: The platform's audience.
    """

    def __init__(self, key: SigningKey, issuer: str, audience: str) -> None:
        self.key = key
        self._issuer = issuer
        self._audience = audience

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(uuid.uuid4()),
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": str(uuid.uuid4()),
            "sid": str(uuid.uuid4()),
            "tier": "premium",
            "scope": "read account admin",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.key.kid, **changes}
        return {name: value for name, value in header.items() if value is not None}

    def signed(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A token signed with the platform's key."""
        return self._sign(
            self.key.private_key, self.header(**(header or {})), self.claims(**changes)
        )

    @staticmethod
    def _sign(private_key: str, header: dict[str, Any], claims: Any) -> str:
        message = f"{_segment(header)}.{_segment(claims)}"
        signer: Any = load_pem_private_key(private_key.encode(), password=None)
        return f"{message}.{_segment(signer.sign(message.encode()))}"

    def unsigned(self, algorithm: str, signature: str = "") -> str:
        return f"{_segment(self.header(alg=algorithm))}.{_segment(self.claims())}.{signature}"

    def hmac_with(self, secret: bytes, algorithm: str = "HS256") -> str:
        message = f"{_segment(self.header(alg=algorithm))}.{_segment(self.claims())}"
        mac = hmac.new(secret, message.encode(), hashlib.sha256).digest()
        return f"{message}.{_segment(mac)}"

    def public_pem(self) -> bytes:
        private: Any = load_pem_private_key(self.key.private_key.encode(), password=None)
        pem: bytes = private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return pem

    def by_a_stranger(self, **header: Any) -> str:
        return self._sign(SigningKey.generate().private_key, self.header(**header), self.claims())

    def with_embedded_key(self) -> str:
        stranger = SigningKey.generate()
        header = self.header(jwk=stranger.public_jwk(), kid=stranger.kid)
        return self._sign(stranger.private_key, header, self.claims())

    def with_key_at(self, parameter: str) -> str:
        stranger = SigningKey.generate()
        header = {parameter: "https://attacker.example/jwks.json", "kid": stranger.kid}
        return self._sign(stranger.private_key, self.header(**header), self.claims())

    def by_other_algorithm(self, algorithm: str) -> str:
        key: Any = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if algorithm.startswith(("RS", "PS"))
            else ec.generate_private_key(ec.SECP256R1())
        )
        headers = {"kid": self.key.kid, "typ": "at+jwt"}
        return jwt.encode(self.claims(), key, algorithm=algorithm, headers=headers)

    def altered(self) -> str:
        head, _, signature = self.signed(tier="free").split(".")
        return f"{head}.{_segment(self.claims())}.{signature}"

    def with_malleable_signature(self) -> str:
        """The signature with the group's order added to its scalar (RFC 8032, section 5.1.7)."""
        head, payload, signature = self.signed().split(".")
        raw = _raw(signature)
        scalar = int.from_bytes(raw[32:], "little") + _GROUP_ORDER
        return f"{head}.{payload}.{_segment(raw[:32] + scalar.to_bytes(32, 'little'))}"

    def with_critical_header(self) -> str:
        return self.signed({"crit": ["exp"], "exp": 0})

    def with_claims_that_are_no_object(self) -> str:
        return self._sign(self.key.private_key, self.header(), ["sub", "admin"])


# Refused for good: the gateway answers 403, which it may keep.
FORGERIES: dict[str, Callable[[Forger], str]] = {
    "alg none": lambda forger: forger.unsigned("none"),
    "alg None": lambda forger: forger.unsigned("None"),
    "alg NONE": lambda forger: forger.unsigned("NONE"),
    "alg empty": lambda forger: forger.unsigned(""),
    "alg none, with a valid token's signature": lambda forger: forger.unsigned(
        "none", forger.signed().rsplit(".", 1)[1]
    ),
    "HS256 with the raw public key": lambda forger: forger.hmac_with(
        _raw(forger.key.public_jwk()["x"])
    ),
    "HS256 with the public key in PEM": lambda forger: forger.hmac_with(forger.public_pem()),
    "HS256 with the JSON Web Key": lambda forger: forger.hmac_with(
        json.dumps(forger.key.public_jwk()).encode()
    ),
    "HS256 with an empty secret": lambda forger: forger.hmac_with(b""),
    "EdDSA that is an HMAC": lambda forger: forger.hmac_with(
        _raw(forger.key.public_jwk()["x"]), "EdDSA"
    ),
    "RS256": lambda forger: forger.by_other_algorithm("RS256"),
    "PS256": lambda forger: forger.by_other_algorithm("PS256"),
    "ES256": lambda forger: forger.by_other_algorithm("ES256"),
    "another's key": lambda forger: forger.by_a_stranger(),
    "another's key in the header": lambda forger: forger.with_embedded_key(),
    "key at jku": lambda forger: forger.with_key_at("jku"),
    "key at x5u": lambda forger: forger.with_key_at("x5u"),
    "altered claims": lambda forger: forger.altered(),
    "malleable signature": lambda forger: forger.with_malleable_signature(),
    "no signature": lambda forger: forger.signed().rsplit(".", 1)[0] + ".",
    "two parts": lambda forger: forger.signed().rsplit(".", 1)[0],
    "five parts": lambda forger: forger.signed() + ".a.b",
    "claims that are no object": lambda forger: forger.with_claims_that_are_no_object(),
    "critical header": lambda forger: forger.with_critical_header(),
    "kid unknown": lambda forger: forger.signed({"kid": "nobody"}),
    "kid missing": lambda forger: forger.signed({"kid": None}),
    "kid empty": lambda forger: forger.signed({"kid": ""}),
    "kid a path": lambda forger: forger.signed({"kid": "../../../../dev/null"}),
    "kid SQL": lambda forger: forger.signed({"kid": "x' union select 'secret' --"}),
    "kid a list": lambda forger: forger.signed({"kid": [forger.key.kid]}),
    "kid of a thousand characters": lambda forger: forger.signed({"kid": "k" * 1000}),
    "typ JWT": lambda forger: forger.signed({"typ": "JWT"}),
    "typ missing": lambda forger: forger.signed({"typ": None}),
    "typ id token": lambda forger: forger.signed({"typ": "id+jwt"}),
    "iss another": lambda forger: forger.signed(iss="https://attacker.example"),
    "iss with a suffix": lambda forger: forger.signed(iss=f"{forger._issuer}.attacker.example"),
    "iss missing": lambda forger: forger.signed(iss=None),
    "iss a list": lambda forger: forger.signed(iss=[forger._issuer]),
    "aud another": lambda forger: forger.signed(aud="another-api"),
    "aud several": lambda forger: forger.signed(aud=[forger._audience, "another-api"]),
    "aud missing": lambda forger: forger.signed(aud=None),
    "nbf tomorrow": lambda forger: forger.signed(nbf=int(time.time()) + 86_400),
    "nbf missing": lambda forger: forger.signed(nbf=None),
    "iat tomorrow": lambda forger: forger.signed(iat=int(time.time()) + 86_400),
    "exp missing": lambda forger: forger.signed(exp=None),
    "exp text": lambda forger: forger.signed(exp="never"),
    "exp infinite": lambda forger: forger.signed(exp=float("inf")),
    "exp not a number": lambda forger: forger.signed(exp=float("nan")),
    "tier unknown": lambda forger: forger.signed(tier="owner"),
    "tier a list": lambda forger: forger.signed(tier=["premium"]),
    "scope a list": lambda forger: forger.signed(scope=["admin"]),
    "sub missing": lambda forger: forger.signed(sub=None),
    "sub a number": lambda forger: forger.signed(sub=1),
    "jti missing": lambda forger: forger.signed(jti=None),
    "sid missing": lambda forger: forger.signed(sid=None),
    "sid SQL": lambda forger: forger.signed(sid="' or true --"),
    "too long": lambda forger: forger.signed(padding="x" * 5000),
    "refresh token": lambda _forger: f"qrt_{'a' * 43}",
    "verification token": lambda _forger: f"qev_{'a' * 43}",
    "API token that is none": lambda _forger: f"qat_{'a' * 43}",
    "API token SQL": lambda _forger: "qat_' or 1=1 --",
}

# Refused, with the advice to get a new one: 401.
EXPIRED: dict[str, Callable[[Forger], str]] = {
    "expired a minute ago": lambda forger: forger.signed(exp=int(time.time()) - 60),
    "expired in 1970": lambda forger: forger.signed(exp=0),
    "expires before it began": lambda forger: forger.signed(exp=-1),
}
