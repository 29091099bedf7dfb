import threading
import uuid

import pytest
from account_support import account_service, new_password

from quant.accounts import attempts, passwords
from quant.accounts.attempts import LOGIN_FROM_NETWORK, LOGIN_OF_ACCOUNT
from quant.accounts.logins import login
from quant.db.session import write
from quant.errors import TooManyAttemptsError, UnauthorizedError
from quant.origin import Origin
from quant.settings import PasswordSettings
from quant.vocabulary import Role


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        yield service


@pytest.fixture
def valkey_down(valkey):
    valkey.kill()
    yield valkey
    if not valkey.running:
        valkey.start()
        valkey.wait_ready()


def fail(accounts, email, times, **event):
    return [accounts.login(email, new_password(), **event).status for _ in range(times)]


def test_tokens_say_who_they_are_for(accounts):
    person = accounts.person(tier="basic")
    login = accounts.sign_in(person)
    assert login.claims["sub"] == str(person.id)
    assert login.claims["tier"] == "basic"
    assert login.claims["scope"] == login.tokens["scope"] == "read account"
    assert login.claims["sid"] == login.session_id
    assert login.claims["exp"] - login.claims["iat"] == login.tokens["expires_in"] == 1800
    assert 604_790 < login.tokens["refresh_expires_in"] <= 604_800
    assert login.tokens["token_type"] == "Bearer"


def test_an_administrator_gets_the_scope(accounts):
    login = accounts.sign_in(accounts.person(role=Role.ADMIN))
    assert login.claims["scope"] == "read account admin"


def test_tokens_are_kept_by_nobody(accounts):
    login = accounts.sign_in()
    answer = login.refresh()
    assert answer.headers["cache-control"] == "no-store"
    kept = accounts.sql("select token_hash from refresh_tokens")
    tokens = (login.tokens["refresh_token"], answer.json["refresh_token"])
    assert not [row for row in kept for token in tokens if token.encode() in bytes(row[0])]
    assert {len(row[0]) for row in kept} == {32}


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(accounts):
    wrong = accounts.login(accounts.person().email, new_password())
    unknown = accounts.login(accounts.email(), new_password())
    bodies = [{k: v for k, v in a.json.items() if k != "request_id"} for a in (wrong, unknown)]
    assert wrong.status == unknown.status == 401
    assert bodies[0] == bodies[1]
    assert wrong.headers["www-authenticate"]


def test_a_disabled_account_is_told_so_only_with_its_password(accounts):
    person = accounts.person()
    accounts.sql("update accounts set disabled_at = now() where id = :id", id=person.id)
    assert accounts.login(person.email, person.password).status == 403
    assert accounts.login(person.email, new_password()).status == 401


def test_passwords_are_not_truncated(accounts):
    password = (new_password() * 12)[:199] + "a"
    email = accounts.person(password).email
    assert accounts.login(email, password[:199] + "b").status == 401
    assert accounts.login(email, password[:72]).status == 401
    assert accounts.login(email, password).status == 200


def test_composed_and_decomposed_characters_are_one_password(accounts):
    email = accounts.person("caf\u00e9 au lait \u00e0 Qu\u00e9bec").email
    assert accounts.login(email, "cafe\u0301 au lait a\u0300 Que\u0301bec").status == 200


def test_a_hash_of_old_parameters_is_replaced(accounts, monkeypatch):
    person = accounts.person()
    before = accounts.sql("select password_hash from accounts where id = :id", id=person.id)
    monkeypatch.setenv("QUANT_PASSWORD_ITERATIONS", "3")
    passwords._hasher.cache_clear()
    passwords._dummy_hash.cache_clear()
    try:
        assert accounts.login(person.email, person.password).status == 200
        after = accounts.sql("select password_hash from accounts where id = :id", id=person.id)
        assert ("t=1" in before[0][0], "t=3" in after[0][0]) == (True, True)
        assert accounts.login(person.email, person.password).status == 200
    finally:
        passwords._hasher.cache_clear()
        passwords._dummy_hash.cache_clear()


def test_default_parameters_are_those_recommended(monkeypatch):
    for name in ("QUANT_PASSWORD_MEMORY_KIB", "QUANT_PASSWORD_ITERATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QUANT_ENVIRONMENT", "prod")
    settings = PasswordSettings()
    assert (settings.memory_kib, settings.iterations, settings.parallelism) == (19_456, 2, 1)


@pytest.mark.parametrize("known", [True, False])
def test_failed_logins_lock_an_address_whether_or_not_it_is_known(accounts, known):
    email = accounts.person().email if known else accounts.email()
    assert fail(accounts, email, LOGIN_OF_ACCOUNT.free + 1) == [401] * LOGIN_OF_ACCOUNT.free + [429]
    refused = accounts.login(email, new_password())
    assert refused.status == 429
    assert 25 <= int(refused.headers["retry-after"]) <= LOGIN_OF_ACCOUNT.first_lock_s


def test_the_right_password_does_not_open_a_locked_account(accounts):
    person = accounts.person()
    fail(accounts, person.email, LOGIN_OF_ACCOUNT.free)
    assert accounts.login(person.email, person.password).status == 429


def test_a_login_forgives_the_failures_before(accounts):
    person = accounts.person()
    for _ in range(3):
        assert fail(accounts, person.email, LOGIN_OF_ACCOUNT.free - 1)[-1] == 401
        assert accounts.login(person.email, person.password).status == 200


def unlock(accounts, key):
    """Let a lock run out."""
    accounts.sql("update attempt_counters set locked_until = now() where key = :key", key=key)
    attempts.locks().clear([key])


def test_each_further_failure_doubles_the_lock(accounts):
    email = accounts.email()
    key = LOGIN_OF_ACCOUNT.key(email)
    fail(accounts, email, LOGIN_OF_ACCOUNT.free - 1)
    waits = []
    for _ in range(9):
        assert fail(accounts, email, 1) == [401]
        waits.append(int(accounts.login(email, new_password()).headers["retry-after"]))
        unlock(accounts, key)
    expected = [min(30 * 2**n, 3600) for n in range(9)]
    assert all(want - 5 <= wait <= want for wait, want in zip(waits, expected, strict=True))


def test_failures_are_forgotten_after_a_day(accounts):
    email = accounts.email()
    fail(accounts, email, LOGIN_OF_ACCOUNT.free - 1)
    accounts.sql(
        "update attempt_counters set last_at = now() - interval '25 hours' where key = :key",
        key=LOGIN_OF_ACCOUNT.key(email),
    )
    assert fail(accounts, email, LOGIN_OF_ACCOUNT.free) == [401] * LOGIN_OF_ACCOUNT.free


def test_failed_logins_lock_a_network(accounts):
    origin = Origin(network="198.51.100.0/24")
    statuses = []
    for _ in range(LOGIN_FROM_NETWORK.free + 2):
        try:
            login(accounts.email(), new_password(), origin)
        except (UnauthorizedError, TooManyAttemptsError) as error:
            statuses.append(type(error))
    assert statuses.index(TooManyAttemptsError) == LOGIN_FROM_NETWORK.free
    person = accounts.person()
    assert accounts.login(person.email, person.password, address="198.51.100.9").status == 429
    assert accounts.login(person.email, person.password, address="198.51.101.9").status == 200


def test_logins_that_succeed_do_not_lock_a_network(accounts):
    person = accounts.person()
    origin = Origin(network="192.0.2.0/24")
    for _ in range(LOGIN_FROM_NETWORK.free + 5):
        login(person.email, person.password, origin)


def test_attempts_at_the_same_time_cannot_pass_the_count(accounts, database):
    """Each thread has its own connection, as each Lambda environment has."""
    from sqlalchemy import create_engine

    engine = create_engine(database.url, pool_size=20)
    key = LOGIN_OF_ACCOUNT.key(accounts.email())
    admitted = []
    barrier = threading.Barrier(20)

    def attempt():
        with engine.connect() as connection:
            barrier.wait()
            with connection.begin():
                admitted.append(attempts.count(connection, key, LOGIN_OF_ACCOUNT).admitted)

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert sorted(admitted) == [False] * 15 + [True] * LOGIN_OF_ACCOUNT.free


def test_a_lock_survives_the_loss_of_valkey(accounts, valkey_down):
    email = accounts.email()
    valkey_down.start()
    valkey_down.wait_ready()
    fail(accounts, email, LOGIN_OF_ACCOUNT.free)
    assert accounts.login(email, new_password()).status == 429
    valkey_down.kill()
    assert accounts.login(email, new_password()).status == 429
    valkey_down.start()
    valkey_down.wait_ready()
    assert accounts.login(email, new_password()).status == 429


def test_failures_lock_without_valkey(accounts, valkey_down):
    email = accounts.email()
    assert fail(accounts, email, LOGIN_OF_ACCOUNT.free + 1) == [401] * LOGIN_OF_ACCOUNT.free + [429]


def test_a_lock_is_held_in_valkey_too(accounts):
    from quant.breaker import breaker

    breaker.cache_clear()
    email = accounts.email()
    fail(accounts, email, LOGIN_OF_ACCOUNT.free)
    accounts.sql("delete from attempt_counters where key = :key", key=LOGIN_OF_ACCOUNT.key(email))
    assert accounts.login(email, new_password()).status == 429


def test_every_attempt_is_on_record(accounts):
    person = accounts.person()
    fail(accounts, person.email, LOGIN_OF_ACCOUNT.free)
    before = accounts.entries()
    accounts.login(person.email, person.password)
    accounts.login(accounts.email(), new_password())
    assert accounts.entries() == before + 2
    failures = [("login_failed", {"reason": "wrong_password"})] * LOGIN_OF_ACCOUNT.free
    assert accounts.audited(person.id)[1:] == failures
    last = accounts.sql("select event, details from audit_log order by sequence desc limit 2")
    assert [tuple(row) for row in last] == [
        ("login_failed", {"reason": "wrong_password"}),
        ("login_failed", {"reason": "locked"}),
    ]


def test_a_successful_login_is_on_record_with_its_origin(accounts):
    login = accounts.sign_in()
    [row] = accounts.sql(
        "select event, actor, network from audit_log where target = :target",
        target=login.session_id,
    )
    assert (row.event, row.actor) == ("login_succeeded", login.person.id)
    assert row.network.endswith(".0/24")


def test_no_session_opens_when_it_cannot_be_recorded(accounts, monkeypatch):
    from quant import audit

    def fail_to_record(*_args, **_kwargs):
        raise RuntimeError

    person = accounts.person()
    monkeypatch.setattr(audit, "record", fail_to_record)
    assert accounts.login(person.email, person.password).status == 500
    sessions = "select count(*) from login_sessions where account_id = :id"
    assert accounts.sql(sessions, id=person.id) == [(0,)]


def test_without_postgres_a_login_is_queued_for_the_record(accounts, postgres, monkeypatch):
    from quant.audit import log

    person = accounts.person()
    queued = []
    monkeypatch.setattr(log, "send", queued.append)
    postgres.kill()
    try:
        assert accounts.login(person.email, person.password).status == 503
    finally:
        postgres.start()
        postgres.wait_ready()
    [entry] = queued
    assert (entry.event, entry.details) == ("login_failed", '{"reason":"store_unavailable"}')
    assert accounts.login(person.email, person.password).status == 200


def test_a_password_changed_during_a_login_wins(accounts, monkeypatch):
    from quant.accounts import logins

    person = accounts.person()
    verify = passwords.verify

    def change_meanwhile(password, password_hash):
        matches = verify(password, password_hash)
        accounts.sql(
            "update accounts set password_hash = :hash where id = :id",
            hash=passwords.hash_password(new_password()),
            id=person.id,
        )
        return matches

    monkeypatch.setattr(logins.passwords, "verify", change_meanwhile)
    assert accounts.login(person.email, person.password).status == 401


def test_old_rows_are_deleted_by_later_logins(accounts):
    login = accounts.sign_in()
    stale = str(uuid.uuid4())
    accounts.sql(
        "update login_sessions set expires_at = now() - interval '2 days' where id = :id",
        id=uuid.UUID(login.session_id),
    )
    write(lambda connection: attempts.count(connection, stale, LOGIN_OF_ACCOUNT))
    accounts.sql(
        "update attempt_counters set last_at = now() - interval '2 days' where key = :key",
        key=stale,
    )
    accounts.sign_in(login.person)
    assert accounts.sql("select id from login_sessions where id = :id", id=login.session_id) == []
    assert accounts.sql("select key from attempt_counters where key = :key", key=stale) == []
