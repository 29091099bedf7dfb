"""The function that CloudFormation invokes: what it does, and what it answers."""

import importlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from supervisor.database import OWNER_ROLE
from tests.integration.conftest import FUNCTIONS

import quant.keys
import quant.settings
from quant.db import tracking
from quant.db.migrate import LockedError
from quant.db.roles import ensure_role, scram_verifier
from quant.db.schema import SCHEMA_REVISION, current_revision
from quant.secrets import SecretStr
from quant.settings import Credentials


@dataclass
class CloudFormation:
    """Where answers go, as S3 takes them."""

    url: str = ""
    refusals: int = 0
    answers: list[dict[str, Any]] = field(default_factory=list)
    types: list[str | None] = field(default_factory=list)

    def request(self, kind: str, revision: str = SCHEMA_REVISION) -> dict[str, Any]:
        return {
            "RequestType": kind,
            "ResponseURL": self.url,
            "StackId": "stack",
            "RequestId": f"request-{kind}",
            "LogicalResourceId": "Revision",
            "ResourceProperties": {"ServiceToken": "arn", "SchemaRevision": revision},
        }


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    state = CloudFormation()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.types.append(self.headers["Content-Type"])
            if state.refusals:
                state.refusals -= 1
                self.send_error(503)
                return
            state.answers.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/answer?signature=x"
    yield state
    server.shutdown()
    server.server_close()


class Context:
    aws_request_id = "invocation"

    def get_remaining_time_in_millis(self) -> int:
        return 90_000


@pytest.fixture
def function(database, monkeypatch) -> Iterator[Any]:
    """The handler's module, with secrets in memory: the keys' are empty."""
    secrets = {
        "owner": json.dumps({"username": OWNER_ROLE, "password": database.passwords[OWNER_ROLE]}),
        "signing-key": json.dumps({"keys": []}),
        "jwks": json.dumps({"keys": []}),
    }
    for name, value in {
        "QUANT_ENVIRONMENT": "local",
        "QUANT_DATABASE_HOST": "127.0.0.1",
        "QUANT_DATABASE_PORT": str(database.server.port),
        "QUANT_DATABASE_NAME": database.name,
        "QUANT_DATABASE_TLS": "false",
        "QUANT_DATABASE_SECRET_ARN": "application",
        "QUANT_DATABASE_OWNER_SECRET_ARN": "owner",
        "QUANT_TOKEN_ISSUER": "https://auth.example.org",
        "QUANT_TOKEN_AUDIENCE": "quant-api",
        "QUANT_TOKEN_JWKS_SECRET_ARN": "jwks",
        "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": "signing-key",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(FUNCTIONS))
    monkeypatch.setattr(quant.settings, "read_secret", secrets.__getitem__)
    module = importlib.import_module("schema.migrate")
    monkeypatch.setattr(
        module,
        "ensure_keys",
        lambda signing, jwks: quant.keys.ensure_keys(
            signing, jwks, read=secrets.__getitem__, write=secrets.__setitem__
        ),
    )
    module.secrets = secrets
    yield module
    for name in ("schema.migrate", "schema._cloudformation", "schema"):
        sys.modules.pop(name, None)


def _revision(database: Any) -> str | None:
    with create_engine(database.owner_url, poolclass=NullPool).connect() as connection:
        return current_revision(connection)


def test_the_first_deployment_makes_schema_and_keys(function, database, cloudformation) -> None:
    with create_engine(database.superuser_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text(f"create schema public authorization {OWNER_ROLE}"))
    function.handler(cloudformation.request("Create"), Context())
    [answer] = cloudformation.answers
    assert answer["Status"] == "SUCCESS", answer
    assert {name: answer[name] for name in ("StackId", "RequestId", "LogicalResourceId")} == {
        "StackId": "stack",
        "RequestId": "request-Create",
        "LogicalResourceId": "Revision",
    }
    assert answer["Data"]["before"] == ""
    assert answer["Data"]["after"] == _revision(database) == SCHEMA_REVISION
    ring = json.loads(function.secrets["signing-key"])["keys"]
    assert answer["Data"]["key_id"] == ring[0]["kid"]
    assert "PRIVATE" not in json.dumps(answer)
    # The signature of the URL covers no content type.
    assert cloudformation.types == [""]


def test_again_changes_nothing(function, database, cloudformation) -> None:
    for kind in ("Create", "Update"):
        function.handler(cloudformation.request(kind), Context())
    first, second = cloudformation.answers
    assert first["PhysicalResourceId"] == second["PhysicalResourceId"]
    assert first["Data"]["key_id"] == second["Data"]["key_id"]
    assert second["Data"]["before"] == second["Data"]["after"] == SCHEMA_REVISION


def test_a_rollback_leaves_the_newer_schema(function, database, cloudformation) -> None:
    function.handler(cloudformation.request("Update", "0008"), Context())
    [answer] = cloudformation.answers
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"]["after"] == _revision(database) == SCHEMA_REVISION


def test_a_deleted_stack_leaves_the_data(function, database, cloudformation) -> None:
    request = cloudformation.request("Delete") | {"PhysicalResourceId": "schema"}
    function.handler(request, Context())
    [answer] = cloudformation.answers
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "schema")
    assert _revision(database) == SCHEMA_REVISION


def test_a_failure_fails_the_deployment_and_says_why(function, cloudformation, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        msg = "'alter table trades' waits"
        raise LockedError(msg)

    monkeypatch.setattr(function, "upgrade", fail)
    function.handler(cloudformation.request("Update"), Context())
    [answer] = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "LockedError: 'alter table trades' waits"


def test_what_an_unexpected_error_says_stays_in_the_log(
    function, cloudformation, monkeypatch
) -> None:
    def fail(*_: object) -> None:
        msg = "Key (email)=(somebody@example.org) already exists"
        raise RuntimeError(msg)

    monkeypatch.setattr(function, "ensure_keys", fail)
    function.handler(cloudformation.request("Update"), Context())
    [answer] = cloudformation.answers
    assert answer["Reason"] == "RuntimeError; see the log"


def test_an_answer_is_sent_again(function, cloudformation, monkeypatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    cloudformation.refusals = 2
    function.handler(cloudformation.request("Delete"), Context())
    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]


def test_an_operator_may_invoke_it(function, database) -> None:
    assert function.handler({}, Context())["after"] == SCHEMA_REVISION


def test_roles_get_the_passwords_of_their_secrets(
    function, database, cloudformation, monkeypatch
) -> None:
    """As on AWS, where nobody else makes them."""
    logins = {part: f"{part}_{database.name[-6:]}" for part in ("application", "tracking")}
    for part, role in logins.items():
        function.secrets[part] = json.dumps({"username": role, "password": f"secret {part}"})
    roles = quant.settings.RoleSettings(
        application_secret_arn="application", tracking_secret_arn="tracking"
    )
    monkeypatch.setattr(function, "_roles", roles)
    monkeypatch.setattr(function, "read_secret", function.secrets.__getitem__)
    monkeypatch.setattr(tracking, "DATABASE", f"tracking_{database.name[-6:]}")
    superuser = create_engine(
        database.superuser_url, poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with superuser.connect() as connection:
        connection.execute(text(f"alter role {OWNER_ROLE} createrole createdb"))
        try:
            function.handler(cloudformation.request("Create"), Context())
        finally:
            connection.execute(text(f"alter role {OWNER_ROLE} nocreaterole nocreatedb"))
    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
    for part, role in logins.items():
        place = tracking.DATABASE if part == "tracking" else "postgres"
        for password, good in ((f"secret {part}", True), ("another", False)):
            url = database.server.url(place, role, password)
            if good:
                create_engine(url, poolclass=NullPool).connect().close()
            else:
                with pytest.raises(DBAPIError, match="28P01"):
                    create_engine(url, poolclass=NullPool).connect()


def test_postgres_is_told_no_password() -> None:
    statements: list[str] = []

    class Recorder:
        def scalar(self, *_: object) -> None:
            return None

        def exec_driver_sql(self, statement: str) -> None:
            statements.append(statement)

    credentials = Credentials(username="somebody", password=SecretStr("secret"))
    ensure_role(Recorder(), credentials)  # type: ignore[arg-type]
    [statement] = statements
    assert statement.startswith('create role "somebody" with login password \'SCRAM-SHA-256$4096:')
    assert "secret" not in statement
    assert scram_verifier("secret") != scram_verifier("secret")
