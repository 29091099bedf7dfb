"""Accounts over HTTP: from the registration to the end of a session, and what is on record."""

import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import jwt
import pytest
from e2e_support import (
    AUTH,
    TIMEOUT_S,
    Person,
    Platform,
    bearer,
    eventually,
    mailed_token,
    new_email,
    new_password,
)

from quant.tiers import TIERS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TRADES = "/api/v1/trades"
ME = f"{AUTH}/me"


@pytest.fixture(scope="module")
def platform(local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: mail, stores and keys there are not ours")
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        yield Platform(local_cloud, client)


@pytest.fixture(autouse=True)
def fresh_limits(platform):
    platform.forget_attempts()


@pytest.fixture(scope="module")
def admin(platform):
    return platform.person(tier="premium", admin=True)


@pytest.fixture(scope="module")
def registered(platform):
    """Somebody who came through the front door."""
    platform.forget_limits()
    person = Person(new_email(), new_password())
    answer = platform.post("/register", {"email": person.email, "password": person.password})
    assert answer.status_code == 202, answer.text
    [mail] = platform.mails(person.email)
    assert mailed_token(mail) not in answer.text
    early = platform.post("/login", {"email": person.email, "password": person.password})
    assert early.status_code == 403, early.text
    verified = platform.post("/verify-email", {"token": mailed_token(mail)})
    assert verified.status_code == 204, verified.text
    return person


def test_verification_mail_works_once(platform, registered):
    [mail] = platform.mails(registered.email)
    again = platform.post("/verify-email", {"token": mailed_token(mail)})
    assert again.status_code == 422


def test_forgotten_password_is_reset_by_mail(platform):
    person, stranger = platform.person(), new_email()
    session = platform.login(person)
    for email in (person.email, stranger):
        asked = platform.post("/forgot-password", {"email": email})
        assert asked.status_code == 202, asked.text
    [note] = platform.mails(stranger)
    assert "qpr_" not in note
    [mail] = platform.mails(person.email)
    link = re.search(r"https?://[^\s#]+", mail)
    assert link is not None
    page = httpx.get(link[0], timeout=TIMEOUT_S)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    body = {"token": mailed_token(mail), "new_password": new_password()}
    done = platform.post("/reset-password", body)
    assert done.status_code == 204, done.text
    assert platform.post("/reset-password", body).status_code == 422
    assert platform.refresh(session["refresh_token"]).status_code == 401
    assert platform.login(Person(person.email, body["new_password"]))
    old = platform.post("/login", {"email": person.email, "password": person.password})
    assert old.status_code == 401


def test_login_opens_the_account_and_the_data(platform, registered):
    tokens = platform.login(registered)
    me = platform.get(ME, tokens["access_token"])
    assert me.status_code == 200, me.text
    assert me.json()["email"] == registered.email
    assert me.json()["tier"] == "free"
    data = platform.get(TRADES, tokens["access_token"], limit=1)
    assert data.status_code == 200, data.text
    assert data.json()["data"]


def test_refresh_rotates_and_reuse_ends_the_session(platform, registered):
    first = platform.login(registered)
    second = platform.refresh(first["refresh_token"])
    assert second.status_code == 200, second.text
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert second.json()["session_id"] == first["session_id"]
    third = platform.refresh(second.json()["refresh_token"]).json()
    stolen = platform.refresh(second.json()["refresh_token"])
    assert stolen.status_code == 401
    assert platform.refresh(third["refresh_token"]).status_code == 401
    # An access token the gateway has not seen yet is refused at once.
    assert platform.get(ME, third["access_token"]).status_code == 401
    [reuse] = platform.audited(event="refresh_token_reused", target=first["session_id"])
    assert reuse["actor"]


@pytest.fixture(scope="module")
def ended(platform, registered):
    """Tokens that worked, were then ended, and have outlived the authorizer's cache."""
    platform.forget_limits()
    logged_out, kept = platform.login(registered), platform.login(registered)
    changer = platform.person()
    other, changing = platform.login(changer), platform.login(changer)
    made = platform.post("/tokens", {"name": "ci"}, kept["access_token"])
    assert made.status_code == 201, made.text
    machine = made.json()
    used = platform.get(TRADES, machine["token"], limit=1)
    assert used.status_code == 200, used.text
    for token in (logged_out, other, changing):
        assert platform.get(ME, token["access_token"]).status_code == 200
    assert platform.post("/logout", token=logged_out["access_token"]).status_code == 204
    revoked = platform.http.delete(
        f"{AUTH}/tokens/{machine['id']}", headers=bearer(kept["access_token"])
    )
    assert revoked.status_code == 204, revoked.text
    changed = platform.post(
        "/change-password",
        {"old_password": changer.password, "new_password": new_password()},
        changing["access_token"],
    )
    assert changed.status_code == 204, changed.text
    time.sleep(platform.authorizer_cache_s() + 1)
    return {
        "logged out": logged_out["access_token"],
        "API token": machine["token"],
        "password changed": other["access_token"],
        "kept": kept["access_token"],
        "changing": changing["access_token"],
    }


@pytest.mark.parametrize("which", ["logged out", "API token", "password changed"])
def test_ended_token_is_refused_within_the_cache_lifetime(platform, ended, which):
    answer = platform.get(TRADES, ended[which], limit=1)
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("which", ["kept", "changing"])
def test_other_tokens_go_on(platform, ended, which):
    assert platform.get(TRADES, ended[which], limit=1).status_code == 200


def test_api_token_reads_data_and_manages_nothing(platform, registered):
    person = platform.login(registered)
    machine = platform.post("/tokens", {"name": "reader"}, person["access_token"]).json()
    assert platform.get(TRADES, machine["token"], limit=1).status_code == 200
    assert platform.get(ME, machine["token"]).status_code == 403
    assert platform.post("/tokens", {"name": "more"}, machine["token"]).status_code == 403
    listed = platform.get(f"{AUTH}/tokens", person["access_token"]).json()["data"]
    [entry] = [entry for entry in listed if entry["id"] == machine["id"]]
    assert "token" not in entry
    assert entry["last_used_at"]


def test_tier_change_applies_to_the_next_token(platform, admin):
    person = platform.person()
    tokens = platform.login(person)
    me = platform.get(ME, tokens["access_token"])
    assert me.headers["ratelimit-limit"] == str(TIERS["free"].class_limits["auth"])
    account_id = me.json()["id"]
    path = f"/api/v1/admin/accounts/{account_id}/tier"
    refused = platform.http.put(
        path, json={"tier": "premium"}, headers=bearer(tokens["access_token"])
    )
    assert refused.status_code == 403
    changed = platform.http.put(
        path, json={"tier": "premium"}, headers=bearer(platform.login(admin)["access_token"])
    )
    assert changed.status_code == 200, changed.text
    before = platform.get(TRADES, tokens["access_token"], limit=1)
    assert before.headers["ratelimit-limit"] == str(TIERS["free"].requests_per_minute)
    following = platform.refresh(tokens["refresh_token"]).json()
    after = platform.get(TRADES, following["access_token"], limit=1)
    assert after.headers["ratelimit-limit"] == str(TIERS["premium"].requests_per_minute)
    [entry] = platform.audited(event="tier_changed", target=account_id)
    assert entry["actor"] is not None


def test_everything_is_on_record_without_an_address(platform, admin, registered, ended):
    account_id = platform.get(ME, platform.login(registered)["access_token"]).json()["id"]
    token = platform.login(admin)["access_token"]
    listed = platform.get("/api/v1/admin/audit", token, actor=account_id, limit=100)
    assert listed.status_code == 200, listed.text
    events = Counter(entry["event"] for entry in listed.json()["data"])
    assert events.keys() >= {
        "email_verified",
        "login_succeeded",
        "token_refreshed",
        "logged_out",
        "api_token_created",
        "api_token_revoked",
    }
    for entry in platform.audited():
        assert entry["network"] is None or re.search(r"\.0/24$|/48$", entry["network"])
        assert "@" not in f"{entry['target']} {entry['details']}"
    assert platform.audited(event="admin_read", target="audit_log")
    assert platform.verify_log()["valid"]


def hammer(platform, seconds, request, *, clients=4):
    """Answers to requests that clients send one after the other until the time is up."""
    done = time.monotonic() + seconds
    answers: list[httpx.Response] = []
    failed: list[Exception] = []

    def client() -> None:
        with httpx.Client(base_url=platform.cloud.url, timeout=TIMEOUT_S) as http:
            while time.monotonic() < done:
                try:
                    answers.append(request(http))
                except httpx.HTTPError as error:
                    failed.append(error)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    return threads, answers, failed


def test_no_audit_entry_is_lost_when_postgres_is_killed_under_logins(platform):
    people = [platform.person() for _ in range(3)]
    numbers = iter(range(1_000_000))

    def log_in(http: httpx.Client) -> httpx.Response:
        number = next(numbers)
        person = people[number % len(people)]
        wrong = number % 4 == 3
        password = new_password() if wrong else person.password
        return http.post(f"{AUTH}/login", json={"email": person.email, "password": password})

    with platform.without_limits():
        log_in(platform.http)
        threads, answers, failed = hammer(platform, 25, log_in)
        time.sleep(6)
        platform.cloud.hold("postgres", kill=True)
        time.sleep(8)
        platform.cloud.release("postgres")
        for thread in threads:
            thread.join()
    assert not failed
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200], statuses
    assert statuses[503], statuses
    assert statuses.keys() <= {200, 401, 429, 503}, statuses
    # 429 before the limiter is reached is the gateway's; those have no function behind them.
    expected = {
        answer.headers["x-request-id"]
        for answer in answers
        if answer.status_code in (200, 401, 503)
    }

    def missing() -> set[str]:
        rows = platform.sql("select request_id from audit_log where event like 'login%'")
        return expected - {row[0] for row in rows}

    # A failed batch comes back after the queue's visibility timeout.
    patience = 2 * platform.audit_redelivery_s() + 30
    eventually(lambda: not missing(), within_s=patience, every_s=5)
    succeeded = {answer.headers["x-request-id"] for answer in answers if answer.status_code == 200}
    recorded = Counter(
        row[0]
        for row in platform.sql("select request_id from audit_log where event = 'login_succeeded'")
        if row[0] in succeeded
    )
    assert set(recorded) == succeeded
    assert set(recorded.values()) == {1}
    assert platform.verify_log()["valid"]


def test_without_valkey_no_client_gets_more_than_the_fallback_limit(platform, unthrottled):
    # Without the usage plan's throttle, so that the functions' own limiter is what refuses.
    person = platform.person(tier="premium")
    token = platform.login(person)["access_token"]
    assert platform.get(TRADES, token, limit=1).status_code == 200
    platform.cloud.hold("valkey", kill=True)
    try:

        def read(_number: int) -> httpx.Response:
            return platform.get(TRADES, token, limit=1)

        started = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(read, range(300)))
        took = time.monotonic() - started
    finally:
        platform.cloud.release("valkey")
    statuses = Counter(answer.status_code for answer in answers)
    limit = TIERS["premium"].requests_per_minute
    # In each further minute as many may pass again.
    windows = 1 + int(took // 60)
    assert 0 < statuses[200] <= limit * windows, statuses
    assert statuses.keys() <= {200, 429}, statuses
    for answer in answers:
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) > 0


def test_key_rotation_under_load_rejects_no_valid_token(platform, unthrottled):
    person = platform.person(tier="premium")
    before = platform.http.get("/.well-known/jwks.json").json()["keys"]
    old = platform.login(person)["access_token"]

    def use_new_token(http: httpx.Client) -> httpx.Response:
        tokens = http.post(
            f"{AUTH}/login", json={"email": person.email, "password": person.password}
        )
        if tokens.status_code != 200:
            return tokens
        # Each token is new to the gateway: the authorizer verifies every one.
        return http.get(ME, headers=bearer(tokens.json()["access_token"]))

    with platform.without_limits():
        threads, answers, failed = hammer(platform, 30, use_new_token, clients=3)
        time.sleep(8)
        platform.age_published_keys()
        platform.rotate_signing_key()
        for thread in threads:
            thread.join()
        # Signers keep a key for a minute: by then the new one signs.
        time.sleep(35)
        new = platform.login(person)["access_token"]
        answers.append(platform.get(ME, new))
    assert not failed
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200}, (statuses, {answer.text for answer in answers})
    after = platform.http.get("/.well-known/jwks.json").json()["keys"]
    assert {key["kid"] for key in after} > {key["kid"] for key in before}
    assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
    assert platform.get(ME, old).status_code == 200
    assert platform.audited(event="signing_key_rotated")
