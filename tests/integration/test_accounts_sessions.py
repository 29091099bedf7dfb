import threading
import uuid

import pytest
from account_support import AUTH, account_service, new_password

from quant import revocation
from quant.accounts.refreshes import refresh
from quant.errors import UnauthorizedError
from quant.origin import Origin

SESSIONS = f"{AUTH}/sessions"


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        yield service


@pytest.fixture
def login(accounts):
    return accounts.sign_in()


def is_revoked(login):
    return revocation.index().is_revoked(uuid.UUID(login.session_id))


def listed(login):
    return [session["id"] for session in login.call("GET", SESSIONS).json["data"]]


def test_a_refresh_gives_new_tokens_of_the_same_session(login):
    before = dict(login.tokens)
    login.take(login.refresh())
    assert login.tokens["refresh_token"] != before["refresh_token"]
    assert login.tokens["access_token"] != before["access_token"]
    assert login.tokens["session_id"] == before["session_id"] == login.claims["sid"]
    login.take(login.refresh())


def test_a_used_token_ends_its_session(accounts, login):
    stolen = login.tokens["refresh_token"]
    login.take(login.refresh())
    login.take(login.refresh())
    assert not is_revoked(login)
    assert login.refresh(stolen).status == 401
    assert is_revoked(login)
    assert login.refresh().status == 401
    assert accounts.audited(login.session_id) == [
        ("login_succeeded", {}),
        ("token_refreshed", {}),
        ("token_refreshed", {}),
        ("refresh_token_reused", {}),
    ]


def test_a_reuse_leaves_other_sessions_alone(accounts, login):
    other = accounts.sign_in(login.person)
    stolen = login.tokens["refresh_token"]
    login.refresh()
    login.refresh(stolen)
    assert other.refresh().status == 200


def test_of_refreshes_at_the_same_time_one_wins_and_the_session_ends(accounts, database):
    """Each thread has its own connection, as each Lambda environment has."""
    from sqlalchemy import create_engine

    from quant.accounts import refreshes
    from quant.accounts.opaque import digest

    for _ in range(5):
        login = accounts.sign_in()
        engine = create_engine(database.url, pool_size=8)
        barrier = threading.Barrier(8)
        outcomes = []

        def run(login=login, engine=engine, barrier=barrier, outcomes=outcomes):
            with engine.connect() as connection:
                barrier.wait()
                with connection.begin():
                    outcome = refreshes._refresh(
                        connection,
                        token_hash=digest(login.tokens["refresh_token"]),
                        origin=Origin(),
                    )
                    outcomes.append(type(outcome).__name__)

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        engine.dispose()
        assert sorted(outcomes) == ["NoneType"] * 6 + ["_Refreshed", "_Reused"]
        assert [event for event, _ in accounts.audited(login.session_id)] == [
            "login_succeeded",
            "token_refreshed",
            "refresh_token_reused",
        ]


@pytest.mark.parametrize("token", ["", "qrt_" + "x" * 43, "\ud800", "x" * 129])
def test_what_is_no_refresh_token_is_refused(accounts, token):
    answer = accounts.call("POST", f"{AUTH}/refresh", {"refresh_token": token})
    assert answer.status in {401, 422}
    assert token not in answer.body.decode() or not token


def test_a_refresh_token_expires(accounts, login):
    accounts.sql(
        "update refresh_tokens set expires_at = now() where session_id = :id",
        id=uuid.UUID(login.session_id),
    )
    assert login.refresh().status == 401
    assert not is_revoked(login)


def test_a_session_ends_however_often_it_is_refreshed(accounts, login):
    accounts.sql(
        "update login_sessions set expires_at = now() + interval '1 hour' where id = :id",
        id=uuid.UUID(login.session_id),
    )
    login.take(login.refresh())
    assert 3500 < login.tokens["refresh_expires_in"] <= 3600
    accounts.sql(
        "update login_sessions set expires_at = now() where id = :id",
        id=uuid.UUID(login.session_id),
    )
    assert login.refresh().status == 401


def test_a_disabled_account_is_refreshed_no_more(accounts, login):
    accounts.sql("update accounts set disabled_at = now() where id = :id", id=login.person.id)
    assert login.refresh().status == 401


def test_a_refresh_that_cannot_be_recorded_uses_nothing_up(login, monkeypatch):
    from quant import audit

    def fail(*_args, **_kwargs):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(audit, "record", fail)
        assert login.refresh().status == 500
    assert login.refresh().status == 200


def test_a_key_that_cannot_be_read_uses_nothing_up(accounts, login, monkeypatch):
    from quant.accounts import issuing

    def fail(_arn):
        raise RuntimeError

    issuing.issuer.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(issuing, "current_signing_key", fail)
        assert login.refresh().status == 500
    assert login.refresh().status == 200


def test_logout_ends_the_session(accounts, login):
    other = accounts.sign_in(login.person)
    answer = login.call("POST", f"{AUTH}/logout")
    assert (answer.status, answer.body) == (204, b"")
    assert is_revoked(login)
    assert not is_revoked(other)
    assert login.refresh().status == 401
    assert listed(other) == [other.session_id]
    assert accounts.audited(login.session_id)[-1][0] == "logged_out"


def test_logging_out_twice_is_recorded_once(accounts, login):
    login.call("POST", f"{AUTH}/logout")
    assert login.call("POST", f"{AUTH}/logout").status == 204
    assert [event for event, _ in accounts.audited(login.session_id)].count("logged_out") == 1


def test_sessions_are_listed_with_ones_own_marked(accounts, login):
    other = accounts.sign_in(login.person)
    accounts.sign_in()
    sessions = login.call("GET", SESSIONS).json["data"]
    current = {session["id"]: session["current"] for session in sessions}
    assert current == {login.session_id: True, other.session_id: False}
    assert sessions[0]["network"].endswith(".0/24")


def test_another_session_can_be_ended(accounts, login):
    other = accounts.sign_in(login.person)
    assert login.call("DELETE", f"{SESSIONS}/{other.session_id}").status == 204
    assert is_revoked(other)
    assert listed(login) == [login.session_id]
    assert accounts.audited(other.session_id)[-1][0] == "session_revoked"
    assert login.call("DELETE", f"{SESSIONS}/{other.session_id}").status == 404


def test_somebody_elses_session_is_not_there(accounts, login):
    stranger = accounts.sign_in()
    answer = stranger.call("DELETE", f"{SESSIONS}/{login.session_id}")
    assert answer.status == 404
    assert not is_revoked(login)
    missing = stranger.call("DELETE", f"{SESSIONS}/{uuid.uuid4()}")
    assert answer.json["title"] == missing.json["title"]


def test_a_changed_password_ends_the_other_sessions(accounts, login):
    other = accounts.sign_in(login.person)
    new = new_password()
    body = {"old_password": login.person.password, "new_password": new}
    assert login.call("POST", f"{AUTH}/change-password", body).status == 204
    assert is_revoked(other)
    assert not is_revoked(login)
    assert login.refresh().status == 200
    assert other.refresh().status == 401
    assert accounts.login(login.person.email, login.person.password).status == 401
    assert accounts.login(login.person.email, new).status == 200
    assert ("password_changed", {"sessions_revoked": 1}) in accounts.audited(login.person.id)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("wrong old password", None, ("body.old_password", "wrong_password")),
        (None, "password1234", ("body.new_password", "common_password")),
        (None, "short", ("body.new_password", "too_short")),
    ],
)
def test_a_refused_change_changes_nothing(accounts, login, old, new, expected):
    body = {
        "old_password": old or login.person.password,
        "new_password": new or new_password(),
    }
    answer = login.call("POST", f"{AUTH}/change-password", body)
    assert answer.status == 422
    [error] = answer.json["errors"]
    assert (error["location"], error["code"]) == expected
    assert accounts.login(login.person.email, login.person.password).status == 200


def test_the_new_password_must_be_new(login):
    body = {"old_password": login.person.password, "new_password": login.person.password}
    assert login.call("POST", f"{AUTH}/change-password", body).status == 422


def test_old_passwords_cannot_be_guessed_with_an_access_token(accounts, login):
    statuses = [
        login.call(
            "POST",
            f"{AUTH}/change-password",
            {"old_password": new_password(), "new_password": new_password()},
        ).status
        for _ in range(6)
    ]
    assert statuses == [422] * 5 + [429]
    assert accounts.login(login.person.email, login.person.password).status == 200


def test_a_used_token_is_refused_when_valkey_is_away(accounts, login, valkey):
    stolen = login.tokens["refresh_token"]
    refresh(stolen, Origin())
    valkey.kill()
    try:
        with pytest.raises(UnauthorizedError):
            refresh(stolen, Origin())
        assert is_revoked(login)
    finally:
        valkey.start()
        valkey.wait_ready()
