import importlib
import json
import os
import sys
import threading
from pathlib import Path

import boto3
import pytest
from audit_support import application, engine_of
from moto import mock_aws
from sqlalchemy import text
from typer.testing import CliRunner

import quant.secrets
from quant.cli import app as quant_command
from quant.keys import (
    PUBLICATION_LEAD_S,
    SIGNER_MAX_AGE_S,
    WITHDRAWAL_S,
    KeyTooYoungError,
    Rotation,
    current_signing_key,
    ensure_keys,
)
from quant.tokens import MAX_AGE_S, InvalidTokenError, JwksCache, mint, verify

ISSUER, AUDIENCE = "https://auth.test.example", "quant-api"
FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


class Clock:
    """A clock that tests move; the tokens' own times are real."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def secrets_manager(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    quant.secrets._client.cache_clear()
    with mock_aws():
        client = boto3.client("secretsmanager")
        for name, variable in (
            ("signing", "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN"),
            ("jwks", "QUANT_TOKEN_JWKS_SECRET_ARN"),
        ):
            secret = client.create_secret(Name=name, SecretString='{"keys": []}')
            monkeypatch.setenv(variable, secret["ARN"])
        monkeypatch.setenv("QUANT_TOKEN_ISSUER", ISSUER)
        monkeypatch.setenv("QUANT_TOKEN_AUDIENCE", AUDIENCE)
        yield client
    quant.secrets._client.cache_clear()


class Signer:
    """Mints tokens as a login does, with a key it keeps for a while."""

    def __init__(self, clock):
        self._clock = clock
        self._read_at = None

    def token(self):
        if self._read_at is None or self._clock() - self._read_at >= SIGNER_MAX_AGE_S:
            self._read_at = self._clock()
            self._key = current_signing_key("signing")
        return mint(
            self._key,
            issuer=ISSUER,
            audience=AUDIENCE,
            subject="account",
            tier="free",
            scopes=["read"],
            session_id="session",
            lifetime_s=3600,
        )


def test_no_valid_token_is_refused_across_rotations_under_load(secrets_manager):
    """Signers and verifiers run on while the keys are rotated three times and time goes by."""
    clock = Clock()
    ensure_keys("signing", "jwks", now=clock)
    rotation = Rotation(
        secrets_manager, signing_key_secret_arn="signing", jwks_secret_arn="jwks", now=clock
    )
    stop = threading.Event()
    # Newest first to be checked; each with the time the simulated clock lets it live.
    tokens: list[tuple[str, float]] = []
    refused: list[str] = []
    checks = [0, 0, 0]

    def sign():
        signer = Signer(clock)
        while not stop.is_set():
            tokens.append((signer.token(), clock() + 3600))
            stop.wait(0.002)

    def check(verifier):
        cache = JwksCache(lambda: "jwks", now=clock)
        # Each has read the key set at another time.
        clock_skew = verifier * MAX_AGE_S / 3
        cache._clock = lambda: clock() + clock_skew
        while not stop.is_set():
            for token, valid_until in [*tokens[-3:], *tokens[:: len(tokens) // 20 + 1]]:
                if clock() >= valid_until:
                    continue
                try:
                    verify(token, cache, issuer=ISSUER, audience=AUDIENCE)
                except InvalidTokenError as error:
                    refused.append(f"{error} at {clock()}")
                checks[verifier] += 1

    threads = [threading.Thread(target=sign) for _ in range(2)]
    threads += [threading.Thread(target=check, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    kids = set()
    try:
        for number in range(3):
            with pytest.raises(KeyTooYoungError):
                rotation.create_secret(f"too-early-{number:028}")
            pass_time(clock, PUBLICATION_LEAD_S + 2)
            kids.add(rotation.run(f"version-{number:032}"))
            pass_time(clock, 2 * SIGNER_MAX_AGE_S)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert refused == []
    assert min(checks) > 100
    assert len(kids) == 3
    signed_by = {jwt_kid(token) for token, _ in tokens}
    assert len(signed_by) == 4


def pass_time(clock, seconds):
    """Let simulated time go by, slowly enough for the threads to see it pass."""
    for _ in range(30):
        clock.now += seconds / 30
        threading.Event().wait(0.02)


def jwt_kid(token):
    import jwt

    return jwt.get_unverified_header(token)["kid"]


def test_a_key_that_left_stops_verifying(secrets_manager):
    clock = Clock()
    ensure_keys("signing", "jwks", now=clock)
    token = Signer(clock).token()
    clock.now += PUBLICATION_LEAD_S + 1
    Rotation(
        secrets_manager, signing_key_secret_arn="signing", jwks_secret_arn="jwks", now=clock
    ).run("version-1" + "0" * 24)
    cache = JwksCache(lambda: "jwks", now=clock)
    verify(token, cache, issuer=ISSUER, audience=AUDIENCE)
    clock.now += WITHDRAWAL_S
    with pytest.raises(InvalidTokenError):
        verify(token, cache, issuer=ISSUER, audience=AUDIENCE)


@pytest.fixture
def rotate(secrets_manager, database, monkeypatch):
    """The rotation function."""
    with application(database) as patch:
        patch.syspath_prepend(str(FUNCTIONS))
        yield importlib.import_module("keys.rotate").handler
    for name in ("keys.rotate", "keys"):
        sys.modules.pop(name, None)


def step(handler, name, version, secret):
    handler({"SecretId": secret, "ClientRequestToken": version, "Step": name}, None)


@pytest.mark.parametrize("form", ["ARN", "Name"])
def test_the_function_takes_the_four_steps_and_puts_them_on_record(
    rotate, secrets_manager, database, form
):
    # Published long ago, by the real clock.
    ensure_keys("signing", "jwks", now=lambda: 1_700_000_000.0)
    before = json.loads(
        secrets_manager.get_secret_value(SecretId="signing", VersionStage="AWSCURRENT")[
            "SecretString"
        ]
    )
    secret = secrets_manager.describe_secret(SecretId="signing")[form]
    version = "0" * 32
    for name in STEPS:
        step(rotate, name, version, secret)
        # Any step may be repeated.
        if name != "finishSecret":
            step(rotate, name, version, secret)
    after = secrets_manager.get_secret_value(SecretId="signing", VersionStage="AWSCURRENT")
    assert after["VersionId"] == version
    (current,) = (
        key["kid"] for key in json.loads(after["SecretString"])["keys"] if key["state"] == "current"
    )
    assert current == before["keys"][1]["kid"]
    with engine_of(database.url).connect() as connection:
        recorded = connection.execute(text("select event, target from audit_log")).all()
    assert recorded[-1] == ("signing_key_rotated", current)


def test_the_function_refuses_other_secrets_and_steps(rotate, secrets_manager):
    secret = secrets_manager.describe_secret(SecretId="signing")["ARN"]
    for other in (
        "another",
        "",
        "sign",
        secret[:-1],
        secret.rpartition(":")[2],
        f"{secret}-Abcdef",
    ):
        with pytest.raises(ValueError, match="signing secret only"):
            step(rotate, "createSecret", "0" * 32, other)
    with pytest.raises(ValueError, match="no rotation step"):
        step(rotate, "dropSecret", "0" * 32, secret)


def test_the_command_makes_the_keys_of_deployed_functions(secrets_manager, monkeypatch):
    import quant.config_check

    names = ("ISSUER", "AUDIENCE", "JWKS_SECRET_ARN", "SIGNING_KEY_SECRET_ARN")
    deployed = {f"QUANT_TOKEN_{name}": os.environ[f"QUANT_TOKEN_{name}"] for name in names}
    for name in deployed:
        monkeypatch.delenv(name)
    functions = {"quant-dev-auth-login": deployed, "quant-dev-trades-list": {}}
    monkeypatch.setattr(
        quant.config_check,
        "deployed_functions",
        lambda prefix, _client: functions if prefix == "quant-dev-" else {},
    )
    ensure = ["keys", "ensure", "--functions"]
    made = CliRunner().invoke(quant_command, [*ensure, "quant-dev-"])
    assert made.exit_code == 0, made.output
    assert current_signing_key("signing").kid in made.output
    absent = CliRunner().invoke(quant_command, [*ensure, "quant-prod-"])
    assert absent.exit_code == 1
    assert "no functions quant-prod-*" in absent.stderr


def test_the_command_rotates_when_the_next_key_may_sign(secrets_manager):
    runner = CliRunner()
    first = runner.invoke(quant_command, ["keys", "ensure"])
    assert first.exit_code == 0, first.output
    early = runner.invoke(quant_command, ["keys", "rotate"])
    assert early.exit_code == 1
    assert "published too recently" in early.stderr
    document = json.loads(
        secrets_manager.get_secret_value(SecretId="jwks", VersionStage="AWSCURRENT")["SecretString"]
    )
    for key in document["keys"]:
        key["iat"] -= PUBLICATION_LEAD_S
    secrets_manager.put_secret_value(SecretId="jwks", SecretString=json.dumps(document))
    threading.Event().wait(1.1)
    late = runner.invoke(quant_command, ["keys", "rotate"])
    assert late.exit_code == 0, late.output
    assert late.output != first.output
