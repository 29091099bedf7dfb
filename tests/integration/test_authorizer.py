"""The authorizer on a real Postgres and a real Valkey, each of which may be away."""

import hashlib
import json
import os
import secrets
import subprocess
import sys
import uuid

import pytest
from authorizer_support import METHOD_ARN, authorizer
from infra.paths import ROOT
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from trace_support import SAMPLED, names, xray_daemon

import quant.settings
import quant.valkey_store
from quant import revocation
from quant.breaker import ValkeyBreaker
from quant.db.lookup import Lookup
from quant.errors import StoreUnavailableError
from quant.observability import tracing
from quant.settings import database_settings
from quant.valkey_store import ValkeyStore

__all__ = ["authorizer"]  # a fixture

MARKER = "{quant:revoked}:complete"


class Accounts:
    """Writes rows as the accounts' code does."""

    def __init__(self, url):
        self._engine = create_engine(url, poolclass=NullPool)

    def run(self, statement, **parameters):
        with self._engine.begin() as connection:
            return connection.execute(text(statement), parameters)

    def account(self):
        account_id = uuid.uuid4()
        self.run(
            "insert into accounts (id, email, password_hash, tier) values (:id, :email, '', :tier)",
            id=account_id,
            email=f"{account_id}@example.org",
            tier="basic",
        )
        return account_id

    def session(self, account_id=None):
        session_id = uuid.uuid4()
        self.run(
            "insert into login_sessions (id, account_id, expires_at)"
            " values (:id, :account, now() + interval '7 days')",
            id=session_id,
            account=account_id or self.account(),
        )
        return session_id

    def revoke(self, session_id):
        self.run("update login_sessions set revoked_at = now() where id = :id", id=session_id)

    def api_token(self, account_id, scopes=("read",), lifetime="1 day"):
        token = f"qat_{secrets.token_urlsafe(32)}"
        self.run(
            "insert into api_tokens (id, account_id, name, token_hash, scopes, expires_at) values"
            " (:id, :account, 'ci', :hash, :scopes, now() + cast(:lifetime as interval))",
            id=uuid.uuid4(),
            account=account_id,
            hash=hashlib.sha256(token.encode()).digest(),
            scopes=list(scopes),
            lifetime=lifetime,
        )
        return token


@pytest.fixture
def accounts(database):
    return Accounts(database.owner_url)


def no_valkey():
    import valkey

    return valkey.Valkey(port=1, socket_connect_timeout=0.1)


def no_postgres():
    settings = database_settings().replace(port=1)
    return Lookup(lambda: settings)


def without(monkeypatch, authorizer, *stores):
    guard = ValkeyBreaker()
    index = revocation.RevocationIndex(
        ValkeyStore(no_valkey, lambda: guard) if "valkey" in stores else None,
        no_postgres() if "postgres" in stores else authorizer.module._lookup,
    )
    monkeypatch.setattr(authorizer.module, "_revocation", index)


def test_session_is_admitted_with_its_context_and_plan(authorizer, accounts):
    session_id = accounts.session()
    token = authorizer.mint(session_id, scopes=["read", "account"])
    answer = authorizer.answer(token)
    assert answer["context"]["session_id"] == str(session_id)
    assert answer["context"]["scope"] == "read account"
    assert answer["usageIdentifierKey"] == "key of basic-arn"


def test_announced_session_is_refused_at_once(authorizer, accounts):
    session_id, other = accounts.session(), accounts.session()
    token = authorizer.mint(session_id)
    assert authorizer.effect(token) == "Allow"
    accounts.revoke(session_id)
    revocation.announce([session_id])
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.answer(token)
    assert authorizer.effect(authorizer.mint(other)) == "Allow"


def test_lost_announcement_is_made_up_for_when_the_marker_expires(authorizer, accounts):
    session_id = accounts.session()
    token = authorizer.mint(session_id)
    authorizer.answer(token)
    client = quant.valkey_store.client()
    assert 0 < client.ttl(MARKER) <= revocation.INDEX_MAX_AGE_S
    accounts.revoke(session_id)
    assert authorizer.effect(token) == "Allow"
    client.delete(MARKER)  # as if it had expired
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.answer(token)
    assert client.exists(f"{{quant:revoked}}:{session_id}")


def test_complete_index_needs_no_postgres(authorizer, accounts, monkeypatch):
    token = authorizer.mint(accounts.session())
    authorizer.answer(token)
    without(monkeypatch, authorizer, "postgres")
    assert authorizer.effect(token) == "Allow"


def test_without_valkey_postgres_is_asked(authorizer, accounts, monkeypatch):
    session_id = accounts.session()
    token = authorizer.mint(session_id)
    without(monkeypatch, authorizer, "valkey")
    assert authorizer.effect(token) == "Allow"
    accounts.revoke(session_id)
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.answer(token)


@pytest.mark.parametrize("stores", [("valkey", "postgres"), ("postgres",)])
def test_nobody_is_admitted_when_nobody_can_tell(authorizer, accounts, monkeypatch, stores):
    token = authorizer.mint(accounts.session())
    without(monkeypatch, authorizer, *stores)
    with pytest.raises(StoreUnavailableError):
        authorizer.answer(token)


def test_lost_connection_to_postgres_is_replaced(authorizer, accounts, database, monkeypatch):
    token = authorizer.mint(accounts.session())
    without(monkeypatch, authorizer, "valkey")
    authorizer.answer(token)
    [[ended]] = Accounts(database.superuser_url).run(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = 'quant-authorizer' and datname = current_database()"
    )
    assert ended == 1
    assert authorizer.effect(token) == "Allow"


@pytest.mark.parametrize("away", [(), ("valkey",)])
def test_disabled_account_is_refused(authorizer, accounts, monkeypatch, away):
    account_id = accounts.account()
    token = authorizer.mint(accounts.session(account_id))
    machine = accounts.api_token(account_id)
    without(monkeypatch, authorizer, *away)
    assert authorizer.effect(machine) == "Allow"
    accounts.run("update accounts set disabled_at = now() where id = :id", id=account_id)
    for refused in (token, machine):
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            authorizer.answer(refused)


def test_demo_session_that_nobody_knows_is_admitted(authorizer):
    assert authorizer.effect(authorizer.mint(uuid.uuid4())) == "Allow"


def test_session_that_is_no_uuid_is_denied(authorizer):
    assert authorizer.effect(authorizer.mint("session' or 1=1")) == "Deny"


def test_api_token_is_admitted_to_data_alone(authorizer, accounts):
    account_id = accounts.account()
    token = accounts.api_token(account_id, scopes=("read", "account", "admin"))
    answer = authorizer.answer(token)
    assert answer["principalId"] == str(account_id)
    assert answer["context"]["scope"] == "read"
    assert answer["context"]["session_id"] == ""
    assert answer["usageIdentifierKey"] == "key of basic-arn"
    [[used]] = accounts.run(
        "select last_used_at is not null from api_tokens where id = :id",
        id=uuid.UUID(answer["context"]["token_id"]),
    )
    assert used


def test_api_token_follows_its_accounts_tier(authorizer, accounts):
    account_id = accounts.account()
    token = accounts.api_token(account_id)
    authorizer.answer(token)
    accounts.run("update accounts set tier = 'free' where id = :id", id=account_id)
    assert authorizer.answer(token)["usageIdentifierKey"] == "key of free-arn"


def test_expired_and_revoked_api_tokens_are_refused(authorizer, accounts):
    account_id = accounts.account()
    expired = accounts.api_token(account_id, lifetime="-1 second")
    revoked = accounts.api_token(account_id)
    accounts.run(
        "update api_tokens set revoked_at = now() where token_hash = :hash",
        hash=hashlib.sha256(revoked.encode()).digest(),
    )
    for token in (expired, revoked):
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            authorizer.answer(token)


@pytest.mark.parametrize(
    "token",
    [
        "qat_",
        "qat_short",
        f"qat_{'a' * 43}",
        f"qat_{'a' * 44}",
        f"qat_{'a' * 42}'",
        "qat_" + "é" * 43,
    ],
)
def test_made_up_api_tokens_are_denied(authorizer, token):
    assert authorizer.effect(token) == "Deny"


def test_api_tokens_are_refused_without_postgres(authorizer, accounts, monkeypatch):
    token = accounts.api_token(accounts.account())
    monkeypatch.setattr(authorizer.module, "_lookup", no_postgres())
    with pytest.raises(StoreUnavailableError):
        authorizer.answer(token)


def test_a_token_is_traced_as_admitted_or_refused(authorizer, accounts, monkeypatch):
    revoked = accounts.session()
    accounts.revoke(revoked)
    api_token = accounts.api_token(accounts.account())
    with xray_daemon() as daemon:
        monkeypatch.setenv(tracing.DAEMON_VARIABLE, daemon.address)
        monkeypatch.setenv(tracing.HEADER_VARIABLE, SAMPLED)
        authorizer.answer(api_token)
        authorizer.ask({"authorization": "Bearer canary"})
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            authorizer.answer(authorizer.mint(revoked))
        documents = daemon.documents()
    assert [names(document)[0] for document in documents] == ["authorizer.jwt"] * 3
    assert [each["http"]["response"]["status"] for each in documents] == [200, 403, 401]
    # A refusal is the client's error, and no fault of the function.
    assert [each.get("error", False) for each in documents] == [False, True, True]
    assert not any("fault" in each for each in documents)
    [lookup] = [part for part in documents[0]["subsegments"] if part["name"] == "postgres"]
    assert "from api_tokens" in lookup["sql"]["sanitized_query"]
    assert "valkey" in str(names(documents[2]))
    assert "canary" not in str(documents)
    assert api_token not in str(documents)


# A process of its own, in which nothing but secrets differs from Lambda's.
ADMIT = """
import json, sys
import authorizer
import quant.secrets
given = json.load(sys.stdin)
quant.secrets.read_secret = given["secrets"].__getitem__
from authorizer import jwt
if given["snapshot"]:
    from awslambdaric.lambda_runtime_hooks_runner import run_after_restore, run_before_snapshot
    run_before_snapshot()
    run_after_restore()
answer = jwt.handler(given["event"], None)
json.dump({"answer": answer, "modules": sorted(sys.modules)}, sys.stdout)
"""
SLOW = {"boto3", "botocore.session", "fastapi", "pg8000", "pydantic", "sqlalchemy"}


@pytest.mark.parametrize(
    ("kind", "imported"), [("on-demand", set()), ("snap-start", {"botocore.session", "pg8000"})]
)
def test_what_admitting_does_not_take_is_imported_for_a_snapshot_alone(
    authorizer, accounts, kind, imported
):
    token = authorizer.mint(accounts.session())
    authorizer.answer(token)  # completes the index, so that Postgres need not be asked
    valkey = quant.settings.valkey_settings()
    credentials = valkey.credentials()
    login = {
        "username": credentials.username,
        "password": credentials.password.get_secret_value(),
    }
    given = {
        "event": {"methodArn": METHOD_ARN, "headers": {"Authorization": f"Bearer {token}"}},
        "secrets": {
            "jwks": json.dumps({"keys": [authorizer.key.public_jwk()]}),
            "basic-arn": "key of basic",
            valkey.secret_arn: json.dumps(login),
        },
        "snapshot": kind == "snap-start",
    }
    folders = (ROOT / "functions", ROOT / "layers/quant/python")
    result = subprocess.run(
        [sys.executable, "-c", ADMIT],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
            "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
            "AWS_DEFAULT_REGION": "us-east-1",
        },
    )
    assert result.returncode == 0, result.stderr[-3000:]
    done = json.loads(result.stdout)
    assert done["answer"]["usageIdentifierKey"] == "key of basic"
    assert done["answer"]["context"]["tier"] == "basic"
    assert set(done["modules"]) & SLOW == imported
