import re
import uuid
from pathlib import Path

import pytest

from quant.alerts import signing
from quant.alerts.signing import (
    secret_of,
    signature,
    signed_headers,
    unsubscribe_token,
    unsubscribing_account,
)
from quant.errors import NotFoundError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "alerts.md"
WATCHLIST = uuid.UUID("7d9f5a0c-3c1e-4b6f-9d0a-2f4b8e6c1a73")
BODY = b'{"type":"webhook.test"}'
NOW = 1_800_000_000


@pytest.fixture(autouse=True)
def master(monkeypatch):
    def use(secret):
        signing._master.cache_clear()
        monkeypatch.setattr(signing, "read_secret", lambda _arn: secret)

    monkeypatch.setenv("QUANT_WEBHOOK_SECRET_ARN", "webhook")
    use("one master secret")
    yield use
    signing._master.cache_clear()


@pytest.fixture
def receiver():
    """The receiver that the documentation shows."""
    [code] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names = {}
    exec(code, names)
    return names


def headers(at=NOW, generations=(1,)):
    return signed_headers("msg", at, BODY, watchlist_id=WATCHLIST, generations=generations)


def test_a_signature_is_that_of_the_reference_implementation():
    """Key, message and signature as the reference libraries of Standard Webhooks make them."""
    key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    import base64

    assert (
        signature(
            base64.b64decode(key),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_secrets_depend_on_watchlist_generation_and_master(master):
    secrets = {secret_of(WATCHLIST, 1), secret_of(WATCHLIST, 2), secret_of(uuid.uuid4(), 1)}
    assert secret_of(WATCHLIST, 1) in secrets
    master("another master secret")
    secrets.add(secret_of(WATCHLIST, 1))
    assert len(secrets) == 4
    assert all(re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret) for secret in secrets)


def test_the_documented_receiver_takes_what_we_sign(receiver):
    verify = receiver["verify"]
    for generations in ((1,), (2, 1)):
        verify(secret_of(WATCHLIST, 1), headers(generations=generations), BODY, now=NOW)
    verify(secret_of(WATCHLIST, 2), headers(generations=(2, 1)), BODY, now=NOW)


@pytest.mark.parametrize("late", [301, -301, 10**6])
def test_the_documented_receiver_refuses_a_replay(receiver, late):
    with pytest.raises(receiver["Refused"]):
        receiver["verify"](secret_of(WATCHLIST, 1), headers(), BODY, now=NOW + late)


def test_the_documented_receiver_refuses_what_was_changed(receiver):
    verify, secret = receiver["verify"], secret_of(WATCHLIST, 1)
    for changed, body in (
        ({}, BODY + b" "),
        ({"webhook-id": "other"}, BODY),
        ({"webhook-timestamp": str(NOW + 1)}, BODY),
        ({"webhook-signature": "v1,AAAA"}, BODY),
        ({"webhook-signature": headers()["webhook-signature"].replace("v1,", "v1a,")}, BODY),
    ):
        with pytest.raises(receiver["Refused"]):
            verify(secret, {**headers(), **changed}, body, now=NOW)
    with pytest.raises(receiver["Refused"]):
        verify(secret_of(WATCHLIST, 2), headers(), BODY, now=NOW)


def test_an_unsubscribe_token_stands_for_its_account():
    account = uuid.uuid4()
    assert unsubscribing_account(unsubscribe_token(account)) == account


def test_an_unsubscribe_token_cannot_be_made_up(master):
    account, other = uuid.uuid4(), uuid.uuid4()
    token = unsubscribe_token(account)
    made_up = [
        "",
        ".",
        "x.y",
        account.hex,
        token[:-1],
        token + "A",
        unsubscribe_token(other).replace(other.hex, account.hex),
        token.replace(account.hex, str(account)),
        secret_of(account, 1),
    ]
    for candidate in made_up:
        with pytest.raises(NotFoundError):
            unsubscribing_account(candidate)
    master("another master secret")
    with pytest.raises(NotFoundError):
        unsubscribing_account(token)
