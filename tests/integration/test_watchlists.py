import uuid

import pytest
from account_support import account_service
from alert_support import EXAMPLES, WATCHLISTS, alert_service

from quant.tiers import TIERS

WYDEN = "0b7f3b8e-6a5c-5c0e-9d3c-2f6a6c1f7a10"
BODY = {"name": "chips", "tickers": ["NVDA"], "digest": True}
HOOK = "https://hooks.example.org/trades"


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service, alert_service():
        for statement in EXAMPLES:
            service.sql(statement)
        yield service


@pytest.fixture
def login(accounts):
    return accounts.sign_in()


def test_a_watchlist_is_made_read_replaced_and_deleted(accounts, login):
    made = login.call(
        "POST",
        WATCHLISTS,
        {
            "name": " chips ",
            "tickers": ["nvda", "AMD", "NVDA"],
            "politicians": ["w000779", WYDEN.upper()],
            "committees": ["ssfi"],
            "webhook_url": HOOK,
        },
    )
    assert made.status == 201, made.body
    assert made.headers["cache-control"] == "no-store"
    assert made.json["name"] == "chips"
    assert made.json["tickers"] == ["AMD", "NVDA"]
    assert made.json["politicians"] == [WYDEN]
    assert made.json["committees"] == ["SSFI"]
    assert (made.json["digest"], made.json["webhook_url"]) == (False, HOOK)
    path = f"{WATCHLISTS}/{made.json['id']}"

    shown = login.call("GET", path)
    without_secret = {name: made.json[name] for name in made.json if name != "webhook_secret"}
    assert shown.json == without_secret
    assert login.call("GET", WATCHLISTS).json["data"] == [without_secret]

    changed = login.call("PUT", path, BODY)
    assert changed.status == 200, changed.body
    assert (changed.json["tickers"], changed.json["politicians"]) == (["NVDA"], [])
    assert (changed.json["digest"], changed.json["webhook_url"]) == (True, None)

    assert login.call("DELETE", path).status == 204
    assert login.call("GET", path).status == 404
    assert login.call("DELETE", path).status == 404
    assert [event for event, _ in accounts.audited(made.json["id"])] == [
        "watchlist_created",
        "watchlist_changed",
        "watchlist_deleted",
    ]


def test_audit_entries_hold_neither_names_nor_addresses(accounts, login):
    made = login.call("POST", WATCHLISTS, {**BODY, "webhook_url": f"{HOOK}?key=hush"})
    [(_, details)] = accounts.audited(made.json["id"])
    assert details == {"webhook": True, "digest": True}


def test_answers_have_entity_tags(login):
    made = login.call("POST", WATCHLISTS, BODY).json
    for path in (WATCHLISTS, f"{WATCHLISTS}/{made['id']}"):
        answer = login.call("GET", path)
        assert answer.headers["cache-control"] == "private, no-cache"
        again = login.accounts.api.get(
            path,
            headers={"If-None-Match": answer.headers["etag"]},
            authorizer=login.authorizer,
        )
        assert again.status == 304
    login.call("PUT", f"{WATCHLISTS}/{made['id']}", {**BODY, "name": "other"})
    assert login.call("GET", WATCHLISTS).headers["etag"] != answer.headers["etag"]


def test_a_list_is_paged_newest_first(accounts):
    login = accounts.sign_in(accounts.person(tier="basic"))
    names = [str(number) for number in range(5)]
    for name in names:
        assert login.call("POST", WATCHLISTS, {**BODY, "name": name}).status == 201
    pages = [[row["name"] for row in page] for page in paged(accounts, login)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]


def paged(accounts, login):
    query = {"limit": 2}
    while True:
        answer = accounts.api.get(WATCHLISTS, query, authorizer=login.authorizer)
        assert answer.status == 200, answer.body
        yield answer.json["data"]
        if answer.json["page"]["next_cursor"] is None:
            return
        query["cursor"] = answer.json["page"]["next_cursor"]


def test_a_cursor_is_of_no_use_to_another(accounts):
    login, stranger = accounts.sign_in(), accounts.sign_in()
    for _ in range(2):
        login.call("POST", WATCHLISTS, BODY)
    query = {"limit": 1}
    page = accounts.api.get(WATCHLISTS, query, authorizer=login.authorizer).json["page"]
    query["cursor"] = page["next_cursor"]
    assert accounts.api.get(WATCHLISTS, query, authorizer=stranger.authorizer).status == 422


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_has_a_number_of_watchlists(accounts, tier):
    login = accounts.sign_in(accounts.person(tier=tier))
    accounts.sql(
        "insert into watchlists (id, account_id, name, tickers, politicians, committees, digest)"
        " select gen_random_uuid(), :id, 'x', '{A}', '{}', '{}', true"
        " from generate_series(2, :allowed)",
        id=str(login.person.id),
        allowed=TIERS[tier].watchlists,
    )
    assert login.call("POST", WATCHLISTS, BODY).status == 201
    answer = login.call("POST", WATCHLISTS, BODY)
    assert answer.status == 409
    assert str(TIERS[tier].watchlists) in answer.json["detail"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tickers": []}, "nothing_watched"),
        ({"digest": False}, "no_channel"),
        ({"politicians": ["Z000001"]}, "unknown"),
        ({"politicians": [str(uuid.UUID(int=7))]}, "unknown"),
        ({"committees": ["HSXX"]}, "unknown"),
        ({"tickers": ["NV DA"]}, "string_pattern_mismatch"),
        ({"tickers": ["A"] * 101}, "too_long"),
        ({"committees": ["S1"]}, "string_pattern_mismatch"),
        ({"name": "a\u202eb"}, "string_pattern_mismatch"),
        ({"name": ""}, "string_too_short"),
        ({"digest": "true"}, "bool_type"),
        ({"account_id": str(uuid.UUID(int=7))}, "extra_forbidden"),
        ({"webhook_url": "ftp://hooks.example.org"}, "forbidden_url"),
        ({"webhook_url": "https://10.0.0.1/hook"}, "forbidden_url"),
    ],
    ids=str,
)
def test_what_a_watchlist_may_not_be(accounts, login, change, code):
    answer = login.call("POST", WATCHLISTS, {**BODY, **change})
    assert answer.status == 422, answer.body
    assert [error["code"] for error in answer.json["errors"]] == [code]
    assert login.call("GET", WATCHLISTS).json["data"] == []


def test_a_demo_token_has_no_account(accounts, api):
    answer = api.post(WATCHLISTS, BODY)
    assert answer.status == 404, answer.body


def test_a_rotated_secret_is_another_one(accounts, login):
    made = login.call("POST", WATCHLISTS, {**BODY, "webhook_url": HOOK}).json
    path = f"{WATCHLISTS}/{made['id']}/rotate-secret"
    secrets = {made["webhook_secret"]}
    for _ in range(2):
        answer = login.call("POST", path)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        secrets.add(answer.json["webhook_secret"])
    assert len(secrets) == 3
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert [event for event, _ in accounts.audited(made["id"])][1:] == [
        "webhook_secret_rotated",
        "webhook_secret_rotated",
    ]


def test_secrets_differ_between_watchlists_and_are_not_stored(accounts, login):
    made = [
        login.call("POST", WATCHLISTS, {**BODY, "webhook_url": HOOK}).json["webhook_secret"]
        for _ in range(2)
    ]
    assert made[0] != made[1]
    stored = accounts.sql("select w::text as row from watchlists w")
    assert not [row for (row,) in stored if any(secret[6:] in row for secret in made)]


def test_a_test_needs_a_webhook(login):
    made = login.call("POST", WATCHLISTS, BODY).json
    assert login.call("POST", f"{WATCHLISTS}/{made['id']}/test").status == 409
