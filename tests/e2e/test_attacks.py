"""Attacks through the gateway: forged tokens, and headers that claim to be its own."""

import uuid

import httpx
import pytest
from e2e_support import AUTH, TIMEOUT_S, Platform, bearer
from forged_tokens import EXPIRED, FORGERIES, Forger

from quant.keys import KeyRing

pytestmark = pytest.mark.e2e

TRADES = "/api/v1/trades"
ME = f"{AUTH}/me"


@pytest.fixture(scope="module")
def platform(local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: its signing key is not ours to read")
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        yield Platform(local_cloud, client)


@pytest.fixture(scope="module")
def forger(platform):
    outputs = platform.cloud.run["outputs"]
    secret = platform.aws("secretsmanager").get_secret_value(
        SecretId=outputs["SigningKeySecretArn"]
    )
    ring = KeyRing.from_json(secret["SecretString"])
    assert ring is not None
    return Forger(ring.current, outputs["TokenIssuer"], outputs["TokenAudience"])


def test_the_forger_could_sign_a_valid_token(platform, forger):
    assert platform.get(TRADES, forger.signed(), limit=1).status_code == 200


@pytest.mark.parametrize("name", FORGERIES)
def test_forgery_is_forbidden(platform, forger, name):
    answer = platform.get(TRADES, FORGERIES[name](forger), limit=1)
    assert answer.status_code == 403, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", EXPIRED)
def test_expired_token_is_unauthorized(platform, forger, name):
    answer = platform.get(TRADES, EXPIRED[name](forger), limit=1)
    assert answer.status_code == 401, answer.text


SMUGGLED = {
    "principalId": str(uuid.uuid4()),
    "tier": "premium",
    "scope": "read account admin",
    "session_id": str(uuid.uuid4()),
    "x-amzn-apigateway-authorizer": '{"principalId": "somebody", "scope": "admin"}',
    "x-amzn-request-context": '{"authorizer": {"principalId": "somebody", "scope": "admin"}}',
    "x-apigateway-event": '{"requestContext": {"authorizer": {"scope": "admin"}}}',
    "x-api-key": "premium",
    "x-amzn-requestid": "chosen-by-the-client",
    "x-request-id": "chosen-by-the-client",
}


def test_headers_open_no_route_without_a_token(platform):
    answer = platform.http.get(ME, headers=SMUGGLED)
    assert answer.status_code == 401


def test_headers_change_nothing_about_the_caller(platform):
    person = platform.person()
    token = platform.login(person)["access_token"]
    plain = platform.get(ME, token)
    smuggled = platform.http.get(ME, headers={**SMUGGLED, **bearer(token)})
    assert plain.status_code == smuggled.status_code == 200
    assert smuggled.json() == plain.json()
    assert smuggled.headers["ratelimit-limit"] == plain.headers["ratelimit-limit"]
    assert smuggled.headers["x-request-id"] != "chosen-by-the-client"
    audit = platform.http.get("/api/v1/admin/audit", headers={**SMUGGLED, **bearer(token)})
    assert audit.status_code == 403


def test_of_two_authorization_headers_a_forged_one_never_wins(platform, forger):
    good, bad = forger.signed(), FORGERIES["altered claims"](forger)
    for first, second in ((good, bad), (bad, good)):
        answer = platform.http.get(
            TRADES,
            headers=[("Authorization", f"Bearer {first}"), ("Authorization", f"Bearer {second}")],
        )
        assert answer.status_code in {200, 400, 401, 403}
        if answer.status_code == 200:
            assert first == good
