import uuid

import pytest
from account_support import AUTH, account_service

from quant.api_tokens import holder
from quant.db.lookup import Lookup
from quant.tokens import ExpiredTokenError, InvalidTokenError
from quant.vocabulary import Role

TOKENS = f"{AUTH}/tokens"


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        yield service


@pytest.fixture
def login(accounts):
    return accounts.sign_in(accounts.person(tier="basic"))


@pytest.fixture(scope="module")
def lookup(accounts):
    lookup = Lookup()
    yield lookup
    lookup.close()


def test_me_is_ones_own_account(login):
    me = login.call("GET", f"{AUTH}/me")
    assert me.status == 200
    assert (me.json["id"], me.json["email"]) == (str(login.person.id), login.person.email)
    assert (me.json["tier"], me.json["role"]) == ("basic", "user")
    assert "password_hash" not in me.json
    assert me.headers["cache-control"] == "no-store"


def test_a_demo_token_has_no_account(accounts):
    context = {
        "principalId": str(uuid.uuid4()),
        "tier": "free",
        "scope": "read account",
        "token_id": "t",
        "session_id": str(uuid.uuid4()),
    }
    for method, path, body in (("GET", f"{AUTH}/me", None), ("POST", TOKENS, {"name": "x"})):
        assert accounts.call(method, path, body, authorizer=context).status == 404


def test_an_api_token_is_shown_once_and_works(accounts, login, lookup):
    made = login.call("POST", TOKENS, {"name": " nightly report ", "expires_in_days": 30})
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    principal = holder(made.json["token"], lookup)
    assert (principal.subject, principal.tier) == (str(login.person.id), "basic")
    assert principal.scopes == ("read",)
    [shown] = login.call("GET", TOKENS).json["data"]
    assert (shown["name"], shown["scopes"]) == ("nightly report", ["read"])
    assert "token" not in shown
    assert accounts.audited(made.json["id"])[0][0] == "api_token_created"


def test_a_revoked_api_token_stops_working(accounts, login, lookup):
    made = login.call("POST", TOKENS, {"name": "x"}).json
    assert login.call("DELETE", f"{TOKENS}/{made['id']}").status == 204
    with pytest.raises(ExpiredTokenError):
        holder(made["token"], lookup)
    assert login.call("GET", TOKENS).json["data"] == []
    assert login.call("DELETE", f"{TOKENS}/{made['id']}").status == 404
    assert [event for event, _ in accounts.audited(made["id"])] == [
        "api_token_created",
        "api_token_revoked",
    ]


def test_somebody_elses_api_token_is_not_there(accounts, login, lookup):
    made = login.call("POST", TOKENS, {"name": "x"}).json
    stranger = accounts.sign_in()
    assert stranger.call("DELETE", f"{TOKENS}/{made['id']}").status == 404
    assert stranger.call("GET", TOKENS).json["data"] == []
    assert holder(made["token"], lookup).token_id == made["id"]


def test_only_the_digest_of_an_api_token_is_kept(accounts, login):
    token = login.call("POST", TOKENS, {"name": "x"}).json["token"]
    kept = "select count(*) from api_tokens where token_hash = sha256(:token)"
    assert accounts.sql(kept, token=token.encode()) == [(1,)]


def test_an_api_token_nobody_made_is_unknown(accounts, lookup):
    with pytest.raises(InvalidTokenError):
        holder("qat_" + "x" * 43, lookup)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "a\u202eb"},
        {"name": "\ud800"},
        {"name": "x" * 101},
        {"name": "x", "scopes": ["account"]},
        {"name": "x", "scopes": ["read", "admin"]},
        {"name": "x", "scopes": []},
        {"name": "x", "expires_in_days": 366},
        {"name": "x", "expires_in_days": 0},
        {"name": "x", "expires_in_days": True},
        {"name": "x", "token": "qat_" + "x" * 43},
        {"name": "x", "account_id": str(uuid.uuid4())},
    ],
)
def test_what_an_api_token_may_not_be(login, body):
    assert login.call("POST", TOKENS, body).status == 422


def test_an_account_has_a_bounded_number_of_api_tokens(accounts, login):
    accounts.sql(
        "insert into api_tokens (id, account_id, name, token_hash, scopes, expires_at)"
        " select gen_random_uuid(), :id, 'x', sha256((:id || n::text)::bytea), '{read}',"
        " now() + interval '1 day' from generate_series(1, 49) n",
        id=str(login.person.id),
    )
    assert login.call("POST", TOKENS, {"name": "last"}).status == 201
    assert login.call("POST", TOKENS, {"name": "one more"}).status == 409


def test_a_tier_applies_on_the_next_token(accounts, login):
    admin = accounts.sign_in(accounts.person(role=Role.ADMIN))
    path = f"/api/v1/admin/accounts/{login.person.id}/tier"
    answer = admin.call("PUT", path, {"tier": "premium"})
    assert (answer.status, answer.json["tier"]) == (200, "premium")
    assert login.claims["tier"] == "basic"
    login.take(login.refresh())
    assert login.claims["tier"] == "premium"
    assert accounts.sign_in(login.person).claims["tier"] == "premium"
    entry = ("tier_changed", {"from": "basic", "to": "premium"})
    assert accounts.audited(login.person.id)[-1] == entry


def test_a_tier_is_changed_by_administrators_only(login):
    path = f"/api/v1/admin/accounts/{login.person.id}/tier"
    assert login.call("PUT", path, {"tier": "premium"}).status == 403


@pytest.mark.parametrize(
    ("account", "body", "status"),
    [
        (uuid.UUID(int=1), {"tier": "free"}, 404),
        (None, {"tier": "gold"}, 422),
        (None, {"tier": "free", "role": "admin"}, 422),
        (None, {}, 422),
    ],
)
def test_a_tier_that_cannot_be_given(accounts, login, account, body, status):
    admin = accounts.sign_in(accounts.person(role=Role.ADMIN))
    path = f"/api/v1/admin/accounts/{account or login.person.id}/tier"
    assert admin.call("PUT", path, body).status == status
