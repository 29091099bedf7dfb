"""Logins by IAM: what the token says, when a new one is made, and that nobody else sees it."""

import logging
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import boto3
import pg8000.native
import pytest
from sqlalchemy.exc import DBAPIError

import quant.aws
import quant.settings
from quant.db import pipelined
from quant.db.login import login_token
from quant.db.lookup import Lookup
from quant.db.session import create_engine_from, database_url
from quant.settings import DatabaseOwnerSettings, DatabaseSettings

HOST = "quant-prod.proxy-abcdefghijkl.us-east-1.rds.amazonaws.com"


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    variables = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "an example of a key",
        "AWS_SESSION_TOKEN": "an example of a session",
        "AWS_DEFAULT_REGION": "eu-west-3",
        "QUANT_ENVIRONMENT": "prod",
        "QUANT_DATABASE_HOST": HOST,
        "QUANT_DATABASE_PORT": "5432",
        "QUANT_DATABASE_AUTH": "iam",
        "QUANT_DATABASE_USER": "quant_app",
        "QUANT_DATABASE_OWNER_USER": "quant_admin",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    quant.aws.session.cache_clear()

    def no_secret(_secret_id: str) -> str:
        raise AssertionError("a secret was read")

    monkeypatch.setattr(quant.settings, "read_secret", no_secret)
    yield
    quant.aws.session.cache_clear()


def _parts(token: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(f"https://{token}")
    return parts.netloc, {name: value for name, [value] in parse_qs(parts.query).items()}


def test_token_names_server_role_and_region() -> None:
    place, query = _parts(login_token(HOST, 5432, "quant_app"))
    assert place == f"{HOST}:5432"
    assert (query["Action"], query["DBUser"]) == ("connect", "quant_app")
    assert query["X-Amz-Expires"] == "900"
    key, _day, region, service, kind = query["X-Amz-Credential"].split("/")
    assert (key, region, service, kind) == ("AKIDEXAMPLE", "eu-west-3", "rds-db", "aws4_request")
    assert query["X-Amz-Security-Token"] == "an example of a session"


def test_token_is_the_one_of_the_library_for_rds(monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    now = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: now)
    client = boto3.client("rds", region_name="eu-west-3")
    theirs = client.generate_db_auth_token(HOST, 5432, "quant_app")
    assert _parts(login_token(HOST, 5432, "quant_app")) == _parts(theirs)


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Roles and passwords that a driver was told, which then refuses to connect."""
    told: list[tuple[str, str]] = []

    def connect(user: str, password: str, **_: object) -> None:
        told.append((user, password))
        raise pg8000.native.InterfaceError("no server")

    monkeypatch.setattr(pipelined, "Connection", connect)
    monkeypatch.setattr(pg8000.native, "Connection", connect)
    tokens = (f"token-{number}" for number in range(10))
    monkeypatch.setattr(
        quant.settings, "login_token", lambda host, port, _user: f"{next(tokens)} {host}:{port}"
    )
    return told


def test_engine_logs_in_anew_with_each_connection(passwords: list[tuple[str, str]]) -> None:
    engine = create_engine_from(DatabaseSettings())
    assert passwords == []
    for _ in range(2):
        with pytest.raises(DBAPIError), engine.connect():
            pass
    assert passwords == [
        ("quant_app", f"token-0 {HOST}:5432"),
        ("quant_app", f"token-1 {HOST}:5432"),
    ]


def test_lookup_logs_in_anew_with_each_connection(passwords: list[tuple[str, str]]) -> None:
    from quant.errors import StoreUnavailableError

    with pytest.raises(StoreUnavailableError):
        Lookup(DatabaseSettings).rows("select 1")
    assert passwords == [
        ("quant_app", f"token-0 {HOST}:5432"),
        ("quant_app", f"token-1 {HOST}:5432"),
    ]


def test_owner_logs_in_as_itself(passwords: list[tuple[str, str]]) -> None:
    url = database_url(DatabaseOwnerSettings())
    assert (url.username, url.password) == ("quant_admin", f"token-0 {HOST}:5432")
    assert passwords == []


def test_token_shows_nowhere(
    passwords: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = DatabaseSettings()
    engine = create_engine_from(settings)
    with pytest.raises(DBAPIError) as caught, engine.connect():
        pass
    assert passwords
    shown = [repr(settings.credentials()), repr(engine), str(caught.value), caplog.text]
    assert not any("token-" in text for text in shown)
