"""Attacks on accounts: finding out who has one, getting more than one's own, getting in."""

import random
import statistics
import time
import uuid
from urllib.parse import quote

import pytest
from account_support import AUTH, LOGIN, REFRESH, account_service, new_password
from scipy.stats import mannwhitneyu

from quant.accounts import attempts, passwords
from quant.accounts.logins import login
from quant.accounts.registration import register
from quant.accounts.resets import request_reset
from quant.errors import UnauthorizedError
from quant.origin import Origin
from quant.vocabulary import Role

SAMPLES = 600
# Of a login's time. A hash left out is most of it; the medians of these samples vary by some
# percent on a busy machine.
MEDIAN_TOLERANCE = 0.15
REGISTER = f"{AUTH}/register"
TOKENS = f"{AUTH}/tokens"
CHANGE_PASSWORD = f"{AUTH}/change-password"

INJECTIONS = [
    "' or '1'='1",
    "'; drop table accounts; --",
    '" or ""="',
    "') union select id::text, password_hash from accounts --",
    "1; select pg_sleep(5)",
    "$$; select 1; $$",
    "\\'; delete from login_sessions; --",
    "%' and 1=(select count(*) from accounts) --",
    ":id",
    "%s",
    "{0}",
]


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        yield service


@pytest.fixture
def costly_hashes(accounts, monkeypatch):
    """Hashes that take a good part of a login's time, as the real ones do."""
    monkeypatch.setenv("QUANT_PASSWORD_MEMORY_KIB", "8192")
    monkeypatch.setenv("QUANT_PASSWORD_ITERATIONS", "2")
    kept = (passwords._hasher, passwords._dummy_hash)
    for function in kept:
        function.cache_clear()
    yield
    for function in kept:
        function.cache_clear()


def timed_failures(accounts, samples):
    """Seconds each failed login took, of known and of unknown addresses, in random order."""
    # Each address fails less often than it takes to lock it.
    people = -(-samples // (attempts.LOGIN_OF_ACCOUNT.free - 1))
    emails = {
        "known": [accounts.person().email for _ in range(people)],
        "unknown": [accounts.email() for _ in range(people)],
    }
    order = [kind for kind in emails for _ in range(samples)]
    random.Random(20261123).shuffle(order)
    seconds = {kind: [] for kind in emails}
    for number, kind in enumerate(order):
        email = emails[kind][len(seconds[kind]) % people]
        origin = Origin(network=f"10.{number // 256}.{number % 256}.0/24")
        started = time.perf_counter()
        with pytest.raises(UnauthorizedError):
            login(email, "not the password of anybody", origin)
        seconds[kind].append(time.perf_counter() - started)
    return seconds["known"], seconds["unknown"]


@pytest.mark.usefixtures("costly_hashes")
def test_the_time_of_a_failed_login_does_not_tell_who_has_an_account(accounts):
    known, unknown = timed_failures(accounts, SAMPLES)
    assert len(known) == len(unknown) == SAMPLES
    assert mannwhitneyu(known, unknown).pvalue > 0.001
    medians = statistics.median(known), statistics.median(unknown)
    assert abs(medians[0] - medians[1]) < MEDIAN_TOLERANCE * max(medians)


def test_the_time_of_a_registration_does_not_tell_who_has_an_account(accounts):
    samples, password = 300, new_password()
    emails = {
        "known": iter([accounts.person().email for _ in range(samples)]),
        "new": iter([accounts.email() for _ in range(samples)]),
    }
    order = [kind for kind in emails for _ in range(samples)]
    random.Random(20261124).shuffle(order)
    seconds = {kind: [] for kind in emails}
    for kind in order:
        email = next(emails[kind])
        started = time.perf_counter()
        register(email, password, Origin())
        seconds[kind].append(time.perf_counter() - started)
    assert mannwhitneyu(seconds["known"], seconds["new"]).pvalue > 0.001


def test_the_time_of_a_request_for_a_new_password_does_not_tell_who_has_an_account(accounts):
    samples = 300
    emails = {
        "known": iter([accounts.person().email for _ in range(samples)]),
        "unknown": iter([accounts.email() for _ in range(samples)]),
    }
    order = [kind for kind in emails for _ in range(samples)]
    random.Random(20261125).shuffle(order)
    seconds = {kind: [] for kind in emails}
    for kind in order:
        email = next(emails[kind])
        started = time.perf_counter()
        request_reset(email, Origin())
        seconds[kind].append(time.perf_counter() - started)
    assert mannwhitneyu(seconds["known"], seconds["unknown"]).pvalue > 0.001


@pytest.mark.usefixtures("costly_hashes")
def test_the_comparison_of_times_would_see_a_hash_left_out(accounts, monkeypatch):
    verify = passwords.verify
    monkeypatch.setattr(
        passwords,
        "verify",
        lambda password, kept: kept is not None and verify(password, kept),
    )
    known, unknown = timed_failures(accounts, 200)
    assert mannwhitneyu(known, unknown).pvalue < 0.001


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (REGISTER, {"tier": "premium"}),
        (REGISTER, {"role": "admin"}),
        (REGISTER, {"email_verified_at": "2026-01-01T00:00:00Z"}),
        (REGISTER, {"id": str(uuid.uuid4())}),
        (LOGIN, {"tier": "premium"}),
        (LOGIN, {"role": "admin"}),
        (LOGIN, {"scope": "read account admin"}),
        (LOGIN, {"session_id": str(uuid.uuid4())}),
    ],
)
def test_nothing_is_set_in_passing(accounts, path, body):
    person = accounts.person()
    email = accounts.email() if path == REGISTER else person.email
    document = {"email": email, "password": person.password, **body}
    answer = accounts.call("POST", path, document)
    assert answer.status == 422
    assert [error["code"] for error in answer.json["errors"]] == ["extra_forbidden"]
    assert accounts.mails_to(email) == []


@pytest.mark.parametrize("extra", [{"tier": "premium"}, {"role": "admin"}, {"session_id": "x"}])
def test_nothing_is_set_in_passing_when_logged_in(accounts, extra):
    signed_in = accounts.sign_in()
    change = {"old_password": signed_in.person.password, "new_password": new_password()}
    bodies = {TOKENS: {"name": "x"}, CHANGE_PASSWORD: change}
    for path, body in bodies.items():
        assert signed_in.call("POST", path, {**body, **extra}).status == 422
    refresh = {"refresh_token": signed_in.tokens["refresh_token"], **extra}
    assert accounts.call("POST", REFRESH, refresh).status == 422
    me = signed_in.call("GET", f"{AUTH}/me").json
    assert (me["tier"], me["role"]) == ("free", "user")


def test_a_session_is_never_the_clients_choice(accounts):
    """Session fixation: whatever a client sends, the session's id is made by the server."""
    person = accounts.person()
    chosen = str(uuid.uuid4())
    answer = accounts.call(
        "POST",
        LOGIN,
        {"email": person.email, "password": person.password},
        query={"session_id": chosen, "sid": chosen},
        authorizer={"session_id": chosen, "principalId": str(uuid.uuid4())},
    )
    assert answer.status == 200
    assert answer.json["session_id"] != chosen
    claims = accounts.claims(answer.json["access_token"])
    assert claims["sid"] == answer.json["session_id"]
    assert "set-cookie" not in answer.headers
    again = accounts.sign_in(person)
    assert again.session_id != answer.json["session_id"]


def test_a_login_does_not_adopt_a_session_of_before(accounts):
    signed_in = accounts.sign_in()
    signed_in.call("POST", f"{AUTH}/logout")
    later = accounts.sign_in(signed_in.person)
    assert later.session_id != signed_in.session_id
    assert signed_in.refresh().status == 401
    assert later.refresh().status == 200


def test_a_replayed_refresh_token_locks_the_thief_out(accounts):
    victim = accounts.sign_in()
    stolen = victim.tokens["refresh_token"]
    thief = accounts.call("POST", REFRESH, {"refresh_token": stolen})
    assert thief.status == 200
    assert victim.refresh(stolen).status == 401
    assert victim.refresh(thief.json["refresh_token"]).status == 401


def test_a_refresh_token_is_no_access_token_and_the_reverse(accounts):
    signed_in = accounts.sign_in()
    for token in (signed_in.tokens["access_token"], "qat_" + "x" * 43):
        assert signed_in.refresh(token).status in {401, 422}


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_a_field_is_text(accounts, text):
    admin = accounts.sign_in(accounts.person(role=Role.ADMIN))
    change = {"old_password": text, "new_password": new_password()}
    before = accounts.sql("select count(*) from accounts")
    answers = [
        accounts.register(text, new_password()),
        accounts.login(text, new_password()),
        accounts.login(f"{text}@example.org", new_password()),
        accounts.login(admin.person.email, text),
        accounts.verify(text),
        admin.refresh(text),
        admin.call("POST", CHANGE_PASSWORD, change),
        admin.call("PUT", f"/api/v1/admin/accounts/{admin.person.id}/tier", {"tier": text}),
        admin.call("POST", TOKENS, {"name": "x", "scopes": [text]}),
    ]
    assert {answer.status for answer in answers} <= {401, 422}
    assert accounts.sql("select count(*) from accounts") == before
    made = admin.call("POST", TOKENS, {"name": text})
    assert (made.status, made.json["name"]) == (201, text)
    assert admin.refresh().status == 200


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_as_a_password_is_a_password(accounts, text):
    password = text + new_password()
    person = accounts.person(password)
    assert accounts.login(person.email, password).status == 200
    assert accounts.login(person.email, text).status == 401


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_a_path_is_refused(accounts, text):
    signed_in = accounts.sign_in()
    for path in (f"{AUTH}/sessions", TOKENS):
        answer = signed_in.call("DELETE", f"{path}/{quote(text, safe='')}")
        assert answer.status in {404, 422}
    assert signed_in.refresh().status == 200


@pytest.mark.parametrize("path", [f"{AUTH}/me", f"{AUTH}/sessions", TOKENS, "/api/v1/admin/audit"])
def test_an_api_token_manages_no_account(accounts, path):
    person = accounts.person()
    context = {
        "principalId": str(person.id),
        "tier": "free",
        "scope": "read",
        "token_id": str(uuid.uuid4()),
        "session_id": "",
    }
    assert accounts.call("GET", path, authorizer=context).status == 403


def test_secrets_reach_neither_log_nor_record(accounts, caplog, capsys):
    email, password = accounts.email(), new_password()
    accounts.register(email, password)
    mailed = accounts.mailed_token(email)
    accounts.verify(mailed)
    answer = accounts.login(email, password)
    refreshed = accounts.call("POST", REFRESH, {"refresh_token": answer.json["refresh_token"]})
    accounts.login(email, password + "x")
    secrets = [password, mailed]
    secrets += [a.json[n] for a in (answer, refreshed) for n in ("access_token", "refresh_token")]
    captured = capsys.readouterr()
    log = caplog.text + captured.out + captured.err
    record = str(accounts.sql("select * from audit_log"))
    assert not [secret for secret in secrets if secret in log or secret in record]
    assert email not in log + record


def test_a_refused_request_does_not_echo_the_password(accounts):
    password = "x" * 8
    answer = accounts.register(accounts.email(), password)
    assert answer.status == 422
    assert password not in answer.body.decode()
