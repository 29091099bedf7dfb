"""What tests of accounts share: people who register, log in and use what they were given."""

import itertools
import json
import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from support import Database

import quant.settings
from quant import revocation
from quant.accounts import issuing, mail, passwords
from quant.accounts.registration import create_verified
from quant.tokens import SigningKey
from quant.vocabulary import Role

AUTH = "/api/v1/auth"
ISSUER, AUDIENCE = "https://quant.example", "quant"
LOGIN = f"{AUTH}/login"
REFRESH = f"{AUTH}/refresh"


def new_password() -> str:
    return secrets.token_urlsafe(18)


@dataclass(frozen=True)
class Person:
    """Somebody with a verified account."""

    id: uuid.UUID
    email: str
    password: str = field(repr=False)


class SignedIn:
    """A login: its tokens, and requests with its access token as the authorizer passes it on."""

    def __init__(self, accounts: "Accounts", person: Person, answer: Any) -> None:
        self.accounts = accounts
        self.person = person
        self.take(answer)

    def take(self, answer: Any) -> None:
        """Go on with the tokens of a login's or a refresh's answer."""
        assert answer.status == 200, answer.body
        self.tokens = answer.json
        self.claims = self.accounts.claims(self.tokens["access_token"])

    @property
    def session_id(self) -> str:
        return str(self.tokens["session_id"])

    @property
    def authorizer(self) -> dict[str, str]:
        return {
            "principalId": self.claims["sub"],
            "tier": self.claims["tier"],
            "scope": self.claims["scope"],
            "token_id": self.claims["jti"],
            "session_id": self.claims["sid"],
        }

    def call(self, method: str, path: str, document: Any = None) -> Any:
        """The answer to a request of this login."""
        return self.accounts.call(method, path, document, authorizer=self.authorizer)

    def refresh(self, token: str | None = None) -> Any:
        """The answer to a refresh, which the login does not go on with."""
        return self.accounts.call(
            "POST", REFRESH, {"refresh_token": token or self.tokens["refresh_token"]}
        )


class Accounts:
    """The auth routes and what they leave behind.

    Attributes:
        mails: Mails sent: recipient, subject and body.
    """

    def __init__(self, api: Any, database: Database, key: SigningKey) -> None:
        self.api = api
        self.mails: list[tuple[str, str, str]] = []
        self._key = key
        self._numbers = itertools.count()
        # Without a pool: some tests kill the server under it.
        self._superuser = create_engine(database.superuser_url, poolclass=NullPool)

    def address(self) -> str:
        """An IP address of a network of its own."""
        number = next(self._numbers)
        return f"10.{number // 256}.{number % 256}.1"

    def email(self) -> str:
        return f"{secrets.token_hex(6)}@example.org"

    def call(self, method: str, path: str, document: Any = None, **event: Any) -> Any:
        """The answer to a request, from a network of its own unless ``address`` is given."""
        event = {"address": self.address(), "authorizer": {}, **event}
        if document is not None:
            event["headers"] = {"Content-Type": "application/json"}
            event["body"] = json.dumps(document).encode()
        return self.api.send(method, path, **event)

    def person(
        self, password: str | None = None, *, tier: str = "free", role: Role = Role.USER
    ) -> Person:
        email, password = self.email(), password or new_password()
        return Person(create_verified(email, password, tier=tier, role=role), email, password)

    def register(self, email: str, password: str) -> Any:
        return self.call("POST", f"{AUTH}/register", {"email": email, "password": password})

    def verify(self, token: str) -> Any:
        return self.call("POST", f"{AUTH}/verify-email", {"token": token})

    def mails_to(self, email: str) -> list[tuple[str, str]]:
        return [(subject, body) for to, subject, body in self.mails if to == email]

    def mailed_token(self, email: str) -> str:
        """The token of the last mail to an address."""
        found = re.search(r"(qev|qpr)_[A-Za-z0-9_-]{43}", self.mails_to(email)[-1][1])
        assert found is not None
        return found[0]

    def forget(self, email: str) -> Any:
        return self.call("POST", f"{AUTH}/forgot-password", {"email": email})

    def reset(self, token: str, new_password: str) -> Any:
        body = {"token": token, "new_password": new_password}
        return self.call("POST", f"{AUTH}/reset-password", body)

    def login(self, email: str, password: str, **event: Any) -> Any:
        return self.call("POST", LOGIN, {"email": email, "password": password}, **event)

    def sign_in(self, person: Person | None = None) -> SignedIn:
        person = person or self.person()
        return SignedIn(self, person, self.login(person.email, person.password))

    def claims(self, access_token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            access_token,
            jwt.PyJWK(self._key.public_jwk()),
            algorithms=["EdDSA"],
            issuer=ISSUER,
            audience=AUDIENCE,
        )
        return claims

    def sql(self, statement: str, **parameters: Any) -> Any:
        """The rows of a statement run by the superuser."""
        with self._superuser.begin() as connection:
            result = connection.execute(text(statement), parameters)
            return result.all() if result.returns_rows else None

    def audited(self, target: object) -> list[tuple[str, dict[str, Any]]]:
        """Events and details on record about something, the oldest first."""
        rows = self.sql(
            "select event, details from audit_log where target = :target order by sequence",
            target=str(target),
        )
        return [(row.event, row.details) for row in rows]

    def entries(self) -> int:
        """Number of entries in the audit log."""
        count: int = self.sql("select count(*) from audit_log")[0][0]
        return count


@contextmanager
def account_service(api: Any, database: Database) -> Iterator[Accounts]:
    """The auth routes with cheap password hashes, a key of their own, and mail collected."""
    key = SigningKey.generate()
    accounts = Accounts(api, database, key)
    kept = (issuing.issuer, passwords._hasher, passwords._dummy_hash, revocation.index)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "QUANT_PASSWORD_MEMORY_KIB": "1024",
            "QUANT_PASSWORD_ITERATIONS": "1",
            "QUANT_EMAIL_SENDER": "no-reply@quant.example",
            "QUANT_PUBLIC_URL": "https://quant.example",
            "QUANT_TOKEN_ISSUER": ISSUER,
            "QUANT_TOKEN_AUDIENCE": AUDIENCE,
            "QUANT_TOKEN_JWKS_SECRET_ARN": "jwks",
            "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": "signing-key",
            # One environment serves these tests: without Valkey it has the limits to itself.
            "QUANT_FALLBACK_SHARE": "1",
        }.items():
            patch.setenv(name, value)
        patch.setattr(issuing, "current_signing_key", lambda _arn: key)
        patch.setattr(
            mail, "send", lambda to, subject, body, *_: accounts.mails.append((to, subject, body))
        )
        for function in (*kept, quant.settings.limit_settings):
            function.cache_clear()
        try:
            yield accounts
        finally:
            for function in (*kept, quant.settings.limit_settings):
                function.cache_clear()
