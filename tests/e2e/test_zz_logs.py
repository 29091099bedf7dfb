"""The last of the end-to-end tests: what all of them left in any log of the platform.

Clients of the tests come from this machine, so that a full address in a log can only be one that a
test sent: loopback addresses may be there, all others may not.
"""

import json
import re
import urllib.parse
from pathlib import Path

import httpx
import pytest
from deployed_support import PREFIX
from e2e_support import AUTH, OTHER_HOST, TIMEOUT_S, Person, Platform, bearer, eventually
from leak_support import Canaries, Scanner, leaves
from support import PROJECT

from quant_http.routes import ROUTES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CANARIES = Canaries()
WATCHLISTS = "/api/v1/watchlists"
# The API's public keys, which everybody may read.
PUBLIC_SECRETS = ("jwks",)
HEALTH_GROUP = f"/aws/lambda/{PREFIX}health-live"


@pytest.fixture(scope="module")
def platform(local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: its logs are not ours to read")
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        yield Platform(local_cloud, client)


def known_secrets(platform):
    """All that the local cloud keeps secret, by name."""
    run = platform.cloud.run
    known = dict(leaves("run", {name: run[name] for name in ("token", "database", "valkey")}))
    state = Path(PROJECT, ".local", platform.cloud.name)
    known |= leaves("credentials", json.loads((state / "credentials.json").read_text()))
    client = platform.aws("secretsmanager")
    for page in client.get_paginator("list_secrets").paginate():
        for secret in page["SecretList"]:
            if not any(part in secret["Name"] for part in PUBLIC_SECRETS):
                value = client.get_secret_value(SecretId=secret["ARN"])["SecretString"]
                known |= leaves(secret["Name"], value)
    assert len(known) > 10
    return known


def text_of(platform, group):
    """All lines of a log group."""
    pages = platform.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return "\n".join(event["message"] for page in pages for event in page["events"])


def logs(platform):
    """Everything that is a log, by name: groups, those of the servers, traces."""
    client = platform.aws("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            yield group["logGroupName"], text_of(platform, group["logGroupName"])
    state = Path(PROJECT, ".local", platform.cloud.name)
    for file in sorted([*state.glob("logs/*.log"), *state.glob("localstack/traces.jsonl*")]):
        yield f"{file.parent.name}/{file.name}", file.read_text(errors="replace")


@pytest.fixture(scope="module")
def planted(platform, unthrottled):
    """Canaries wherever a client can put text; returns how many requests carried them."""
    platform.forget_attempts()
    values = CANARIES.by_kind()
    headers = {
        "User-Agent": f"{values['email']} {values['ipv4']}",
        "X-Forwarded-For": f"{values['ipv4']}, {values['ipv6']}",
        "Forwarded": f"for={values['ipv4']};by={values['ipv6']}",
        "Origin": f"https://{CANARIES.word}.example.org",
        "Referer": values["url"],
        "Cookie": f"session={values['refresh_token']}",
        "X-Request-Id": values["email"],
        "X-Correlation-Id": values["jwt"],
        "X-Api-Key": values["api_token"],
        "If-None-Match": f'"{values["email"]}"',
    }
    sent = 0

    def send(method, path, token=None, **options):
        nonlocal sent
        credentials = bearer(token) if token else {}
        extra = options.pop("headers", {})
        platform.http.request(method, path, headers={**headers, **credentials, **extra}, **options)
        sent += 1

    person = platform.person(tier="premium", admin=True)
    token = platform.login(person)["access_token"]
    with platform.without_limits():
        # Logging out would have all that follows refused.
        for route in (route for route in ROUTES if route.name != "auth.logout"):
            text = urllib.parse.quote(values["email"], safe="")
            path = re.sub(r"{\w+}", text, route.path)
            query = {"ticker": values["email"], "cursor": values["jwt"], CANARIES.word: "x"}
            body = {**values, "name": values["email"], "tickers": [values["ipv4"]]}
            given = {} if route.method in {"GET", "DELETE"} else {"json": body}
            send(route.method, path, token, params=query, **given)
        for credential in ("jwt", "api_token", "password", "url"):
            send("GET", "/api/v1/trades", values[credential])
        send("GET", "/api/v1/trades", headers={"Authorization": f"Basic {values['password']}"})
        send("GET", f"/api/v1/nowhere/{values['email']}/{values['jwt']}")
        send("POST", f"{AUTH}/login", content=f'{{"email": "{values["email"]}", '.encode())
        register_and_err(platform, send)
        watch(send, token)
    return sent


def register_and_err(platform, send):
    """Go through what an account's address and password go through, right and wrong."""
    stranger = Person(CANARIES.email, CANARIES.password)
    for body in (
        {"email": stranger.email, "password": stranger.password},
        {"email": stranger.email, "password": "wrong " + stranger.password},
        {"email": stranger.email.upper(), "password": stranger.password},
    ):
        for path in ("/register", "/login", "/forgot-password"):
            send("POST", f"{AUTH}{path}", json=body)
    for mail in platform.mails(stranger.email):
        assert mail
    for path in ("/verify-email", "/reset-password", "/refresh"):
        for secret in (CANARIES.refresh_token, CANARIES.jwt):
            body = {"token": secret, "refresh_token": secret, "new_password": stranger.password}
            send("POST", f"{AUTH}{path}", json=body)
    send("GET", f"{AUTH}/verify-email", params={"token": CANARIES.api_token})


def watch(send, token):
    """Name things, and have webhooks sent to where a secret is in the URL."""
    for url in (CANARIES.url, f"https://hooks.example.org/{CANARIES.word}?key={CANARIES.jwt}"):
        body = {"name": CANARIES.email, "tickers": ["AAPL"], "webhook_url": url}
        send("POST", WATCHLISTS, token, json=body)
    send("POST", f"{AUTH}/tokens", token, json={"name": CANARIES.email})


def test_no_log_has_a_secret_a_token_an_email_or_a_full_address(platform, planted):
    assert planted > len(ROUTES)
    nobodys = frozenset({platform.cloud.run["outputs"]["EmailSender"], OTHER_HOST})
    scanner = Scanner(
        {**known_secrets(platform), "canary": CANARIES.word, "password": CANARIES.password},
        nobodys,
    )
    # The last request's lines are stored a moment after its answer.
    marker = platform.http.get("/health").headers["x-request-id"]
    eventually(lambda: marker in text_of(platform, HEALTH_GROUP), within_s=20)
    scanned, leaks = 0, []
    for name, text in logs(platform):
        scanned += len(text)
        leaks += [(name, leak) for leak in scanner.leaks(text)]
    print(f"{scanned / 1e6:.1f} MB of logs scanned after {planted} requests with canaries")  # noqa: T201
    shown = "\n".join(f"{name}: {leak.kind}: {leak.around}" for name, leak in leaks[:40])
    assert not leaks, f"{len(leaks)} leaks:\n{shown}"
