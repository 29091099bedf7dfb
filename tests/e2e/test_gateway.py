import base64
import json
import re
import subprocess
import sys
import time
from os import environ
from pathlib import Path

import httpx
import pytest

from quant.tiers import TIERS
from quant_http.routes import ROUTES, Access, Scope

pytestmark = pytest.mark.e2e

TRADES = "/api/v1/trades"


def assert_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["request_id"]


NOBODY = "00000000-0000-0000-0000-000000000000"
NAMES = {"politician_id": "Z999999", "symbol": "NOBODYS.STOCK"}
# What a name is of depends on the folder.
NAMES_IN = {"docs": "swagger-ui.css", "models": "abnormal-return-21"}
# Of the routes that cannot be asked without; that of a link which stops nobody's mails.
QUERIES = {
    "patterns.compare": "?politicians=Z999998,Z999999",
    "stats.leaderboard": "?by=volume",
    "watchlists.unsubscribe_page": f"?token={'0' * 32}.{'A' * 43}",
}


def path_of(route):
    ids = dict.fromkeys(re.findall(r"{(\w+)}", route.path), NOBODY)
    names = NAMES | {"name": NAMES_IN.get(route.name.partition(".")[0])}
    path = route.path.format(**{**ids, **names})
    return path + QUERIES.get(route.name, "") if route.method == "GET" else path


def names_nobody(path):
    """Whether a path asks for something that there is none of."""
    return any(name in path for name in (NOBODY, "Z999999", "NOBODYS.STOCK"))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_route_is_public_or_asks_for_a_token(anonymous, route):
    answer = anonymous.request(route.method, path_of(route))
    if route.access is Access.TOKEN:
        assert_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    elif route.method == "GET":
        assert answer.status_code == 200, answer.text
    else:
        assert_problem(answer, 422)  # it asks for a body


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_route_answers_a_token_that_reads(client, route):
    path = path_of(route)
    answer = client.request(route.method, path)
    if route.access is Access.TOKEN and route.scope is not Scope.READ:
        assert_problem(answer, 403)
    elif route.method == "GET":
        assert answer.status_code == (404 if names_nobody(path) else 200), answer.text
    else:
        assert_problem(answer, 422)
    assert answer.headers["x-request-id"]


def tampered(token):
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["tier"] = "premium"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{forged}.{signature}"


def test_tampered_token_is_403(anonymous, local_cloud):
    token = tampered(local_cloud.token("free"))
    assert_problem(anonymous.get(TRADES, headers={"Authorization": f"Bearer {token}"}), 403)


@pytest.mark.parametrize("value", ["Bearer", "Bearer x.y.z", "Basic dXNlcjpwYXNz", "x"])
def test_what_is_no_token_is_403(anonymous, value):
    assert_problem(anonymous.get(TRADES, headers={"Authorization": value}), 403)


def test_expired_token_is_401(anonymous, local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: no token can be minted")
    command = [Path(sys.prefix) / "bin" / "quant", "token", "--lifetime", "1", "--quiet"]
    token = subprocess.run(
        command,
        env={**environ, **local_cloud.run["environment"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    time.sleep(7)  # its second and the leeway of the verifier
    assert_problem(anonymous.get(TRADES, headers={"Authorization": f"Bearer {token}"}), 401)


def test_usage_plan_of_the_tier_answers_429(local_cloud):
    token = local_cloud.token("free")
    with httpx.Client(
        base_url=local_cloud.url, timeout=30, headers={"Authorization": f"Bearer {token}"}
    ) as client:
        client.get("/api/v1/trades/recent")  # so that the cold start does not refill the bucket
        answers = [client.get(f"{TRADES}/recent") for _ in range(3 * TIERS["free"].burst)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused, "the bucket of the free tier never ran empty"
    assert {answer.status_code for answer in answers} == {200, 429}
    assert_problem(refused[0], 429)
    assert int(refused[0].headers["retry-after"]) > 0


def test_unknown_path_is_a_404_problem(client):
    assert_problem(client.get("/api/v1/nothing"), 404)


def test_unknown_thing_is_a_404_problem(client):
    assert_problem(client.get("/api/v1/politicians/Z999999"), 404)


def test_invalid_parameter_is_a_422_problem(client):
    answer = client.get(TRADES, params={"limit": 0})
    assert_problem(answer, 422)
    assert answer.json()["errors"][0]["location"] == "query.limit"


def test_entity_tag_and_compression_pass_the_gateway(client):
    first = client.get(TRADES, params={"limit": 100})
    assert first.headers["content-encoding"] == "gzip"
    again = client.get(
        TRADES, params={"limit": 100}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_plain_body_without_accept_encoding(client):
    plain = client.get(TRADES, params={"limit": 100}, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == client.get(TRADES, params={"limit": 100}).json()


def test_published_key_set_verifies_a_token(anonymous, local_cloud):
    import jwt

    token = local_cloud.token("basic")
    keys = jwt.PyJWKSet.from_dict(anonymous.get("/.well-known/jwks.json").json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="quant-api")
    assert claims["tier"] == "basic"


def test_sample_data_is_labelled_synthetic(client, local_cloud):
    if not local_cloud.run.get("synthetic"):
        pytest.skip("this cloud does not hold the synthetic sample")
    rows = client.get(TRADES, params={"limit": 100}).json()["data"]
    assert rows
    for row in rows:
        assert row["politician"]["synthetic"] is True
        assert row["filing"]["source"] == "synthetic"
