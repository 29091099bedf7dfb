"""Insecure direct object references: one account's identifiers in another account's requests.

Every route with an identifier in its path is found in the OpenAPI document; an identifier nobody
has classified below fails the first test.
"""

import pytest
from account_support import AUTH, account_service
from alert_support import EXAMPLES, WATCHLISTS, alert_service
from export_support import EXPORT, JOBS, export_service
from openapi_support import FUNCTIONS, NOBODY, operations

from quant.vocabulary import Role
from quant_http.openapi import merged
from quant_http.routes import ROUTES

# Identifiers of disclosed data and of files, the same for everybody.
SHARED = {"politician_id", "trade_id", "symbol", "name"}
# Identifiers of somebody's own.
OWNED = {"session_id", "token_id", "account_id", "watchlist_id", "job_id"}

# Lists of one's own.
LISTS = (f"{AUTH}/me", f"{AUTH}/sessions", f"{AUTH}/tokens", WATCHLISTS, JOBS)
WATCHLIST = {"name": "mine", "tickers": ["NVDA"], "webhook_url": "https://hooks.example.org/x"}

OWNED_ROUTES = [route for route in ROUTES if any(f"{{{name}}}" in route.path for name in OWNED)]


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service, alert_service(), export_service():
        for statement in EXAMPLES:
            service.sql(statement)
        yield service


@pytest.fixture(scope="module")
def documented(accounts):
    return list(operations(merged(FUNCTIONS)))


class Victim:
    """Somebody with a thing of each kind."""

    def __init__(self, accounts):
        self.person = accounts.person()
        self.login = accounts.sign_in(self.person)
        made = self.login.call("POST", f"{AUTH}/tokens", {"name": "nightly"})
        assert made.status == 201, made.body
        watched = self.login.call("POST", WATCHLISTS, WATCHLIST)
        assert watched.status == 201, watched.body
        exported = self.login.call("POST", f"{EXPORT}/batch/all-politicians", {})
        assert exported.status == 202, exported.body
        self.ids = {
            "session_id": self.login.session_id,
            "token_id": made.json["id"],
            "account_id": str(self.person.id),
            "watchlist_id": watched.json["id"],
            "job_id": exported.json["id"],
        }

    def state(self):
        """What an attack could change."""
        return {
            path: {
                name: value
                for name, value in self.login.call("GET", path).json.items()
                if name != "last_used_at"
            }
            for path in (*LISTS, f"{WATCHLISTS}/{self.ids['watchlist_id']}/deliveries")
        }


def body_of(documented, route):
    [operation] = [
        operation
        for operation in documented
        if (operation.method, operation.path) == (route.method, route.path)
    ]
    return operation.example()


def concrete(path, ids):
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def test_every_identifier_in_a_path_is_classified(documented):
    found = {name for operation in documented for name in operation.names("path")}
    assert found == SHARED | OWNED


def test_every_route_with_an_identifier_of_somebodys_own_is_attacked(documented):
    found = {
        (operation.method, operation.path)
        for operation in documented
        if OWNED & set(operation.names("path"))
    }
    assert found == {(route.method, route.path) for route in OWNED_ROUTES}


@pytest.mark.parametrize("route", OWNED_ROUTES, ids=lambda route: route.name)
def test_anothers_thing_is_not_there(accounts, documented, route):
    victim, attacker = Victim(accounts), accounts.sign_in()
    before = victim.state()
    answer = attacker.call(
        route.method, concrete(route.path, victim.ids), body_of(documented, route)
    )
    assert answer.status in {403, 404}, answer.body
    assert victim.person.email.encode() not in answer.body
    assert victim.state() == before


@pytest.mark.parametrize("route", OWNED_ROUTES, ids=lambda route: route.name)
def test_anothers_thing_answers_as_one_that_does_not_exist(accounts, documented, route):
    victim, attacker = Victim(accounts), accounts.sign_in()
    body = body_of(documented, route)
    answers = [
        attacker.call(route.method, concrete(route.path, ids), body)
        for ids in (victim.ids, dict.fromkeys(OWNED, NOBODY))
    ]
    bodies = [
        {name: value for name, value in answer.json.items() if name not in {"request_id", "detail"}}
        for answer in answers
    ]
    assert bodies[0] == bodies[1]
    details = [answer.json["detail"] for answer in answers]
    for value in victim.ids.values():
        details[0] = details[0].replace(value, NOBODY)
    assert details[0] == details[1]


@pytest.mark.parametrize("route", OWNED_ROUTES, ids=lambda route: route.name)
def test_owner_or_administrator_reaches_the_thing(accounts, documented, route):
    """Without this the tests above could pass with any broken request."""
    victim = Victim(accounts)
    by = victim.login
    if route.scope == "admin":
        by = accounts.sign_in(accounts.person(role=Role.ADMIN))
    answer = by.call(route.method, concrete(route.path, victim.ids), body_of(documented, route))
    assert answer.status in {200, 202, 204}, answer.body


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_the_callers_own(accounts, path):
    victim, attacker = Victim(accounts), accounts.sign_in()
    body = attacker.call("GET", path).body.decode()
    assert victim.person.email not in body
    assert not [value for value in victim.ids.values() if value in body]


def test_anothers_refresh_token_is_of_no_use_without_it(accounts):
    """Naming a session beside a refresh token does not move it there."""
    victim, attacker = Victim(accounts), accounts.sign_in()
    answer = accounts.call(
        "POST",
        f"{AUTH}/refresh",
        {
            "refresh_token": attacker.tokens["refresh_token"],
            "session_id": victim.ids["session_id"],
        },
    )
    assert answer.status == 422


def test_audit_log_of_another_is_for_administrators(accounts):
    victim, attacker = Victim(accounts), accounts.sign_in()
    path = "/api/v1/admin/audit"
    answer = accounts.call(
        "GET", path, authorizer=attacker.authorizer, query={"actor": str(victim.person.id)}
    )
    assert answer.status == 403
