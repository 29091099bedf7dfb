"""The authorizer's handler, with a key set of its own and the stores of the integration tests."""

import importlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

import quant.valkey_store
from quant.tokens import JwksCache, SigningKey, mint

ISSUER, AUDIENCE = "https://auth.test.example", "quant-api"
METHOD_ARN = "arn:aws:execute-api:us-east-1:000000000000:api/local/GET/api/v1/trades"


class Authorizer:
    """Asks the handler as API Gateway does."""

    def __init__(self, module: Any, key: SigningKey) -> None:
        self.module = module
        self.key = key

    def mint(self, session_id: object, **changes: Any) -> str:
        claims = {"subject": str(uuid.uuid4()), "tier": "basic", "scopes": ["read"], **changes}
        return mint(
            self.key,
            issuer=ISSUER,
            audience=AUDIENCE,
            session_id=str(session_id),
            lifetime_s=60,
            **claims,
        )

    def ask(self, headers: dict[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = self.module.handler(
            {"methodArn": METHOD_ARN, "headers": headers}, None
        )
        return answer

    def answer(self, token: str) -> dict[str, Any]:
        return self.ask({"authorization": f"Bearer {token}"})

    def effect(self, token: str) -> str:
        return effect(self.answer(token))


def effect(answer: dict[str, Any]) -> str:
    """Allow or Deny."""
    [statement] = answer["policyDocument"]["Statement"]
    return str(statement["Effect"])


@pytest.fixture
def authorizer(api: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authorizer]:
    monkeypatch.setenv("QUANT_TOKEN_ISSUER", ISSUER)
    monkeypatch.setenv("QUANT_TOKEN_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("QUANT_TOKEN_JWKS_SECRET_ARN", "jwks")
    tiers = {tier: f"{tier}-arn" for tier in ("free", "basic", "premium")}
    monkeypatch.setenv("QUANT_API_KEY_SECRET_ARNS", json.dumps(tiers))
    module = importlib.reload(importlib.import_module("authorizer.jwt"))
    key = SigningKey.generate()
    document = json.dumps({"keys": [key.public_jwk()]})
    monkeypatch.setattr(module, "_keys", JwksCache(lambda: "jwks", fetch=lambda _: document))
    monkeypatch.setattr(module, "read_secret", lambda arn: f"key of {arn}")
    quant.valkey_store.client().flushdb()
    yield Authorizer(module, key)
    module._lookup.close()
