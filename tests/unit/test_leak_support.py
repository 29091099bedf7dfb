"""The scanner of logs sees what it is to see; else its silence would say nothing."""

import json

import pytest
from leak_support import Canaries, Scanner, leaves

SECRET = "x7Fq9-of-the-database"
SCANNER = Scanner({"database.password": SECRET}, frozenset({"no-reply@quant.example"}))
CANARIES = Canaries()


@pytest.mark.parametrize(
    ("kind", "canary"),
    [
        ("secret database.password", SECRET),
        ("email", CANARIES.email),
        ("email", CANARIES.email.replace("@", "%40")),
        ("JWT", CANARIES.jwt),
        ("token", CANARIES.api_token),
        ("token", CANARIES.refresh_token),
        ("webhook secret", "whsec_" + "Y2FuYXJ5" * 4),
        ("signed id", "0123456789abcdef" * 2 + "." + "A" * 43),
        ("signature", "X-Amz-Signature=" + "0123456789abcdef" * 4),
        ("password in URL", CANARIES.url),
        ("address", CANARIES.ipv4),
        ("address", CANARIES.ipv6),
    ],
)
def test_a_planted_canary_is_found_wherever_it_is(kind, canary):
    texts = (
        canary,
        f"started\n[INFO] tried {canary}, refused\nended",
        json.dumps({"message": "failed", "exception": f"Traceback\n  x\nKeyError: '{canary}'"}),
        f"DETAIL:  Key (email)=({canary}) already exists.",
    )
    for text in texts:
        assert kind in {leak.kind for leak in SCANNER.leaks(text)}, text


@pytest.mark.parametrize(
    "text",
    [
        '{"timestamp":"2026-11-27 01:24:22,089+0000","request_id":"7d83b05c-06eb-4b8a-ae6a"}',
        "listening on 127.0.0.1:5432 and [::1]:5432 and 0.0.0.0",
        "from no-reply@quant.example",
        "network 203.0.113.0/24 and 2001:db8:77::/48",
        "arn:aws:iam::000000000000:role/quant",
        "postgresql://quant:[password]@db/quant, [email], [jwt], [token]",
        "XRAY TraceId: 1-6b08db01-27a1e3937ecc60c95cfcf160",
        "duration 00:41:03",
    ],
)
def test_what_may_be_in_a_log_is_not_found(text):
    assert list(SCANNER.leaks(text)) == []


def test_secrets_are_taken_apart_and_public_parts_left():
    document = {"username": "quant_app_user", "password": "a-long-password", "port": 5432}
    secret = json.dumps(
        {"keys": [{"kid": "20261127T010958Z", "d": "the-private-part"}], **document}
    )
    assert dict(leaves("s", secret)) == {
        "s.keys.d": "the-private-part",
        "s.password": "a-long-password",
    }
