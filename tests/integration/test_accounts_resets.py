import re
import threading
import uuid
from urllib.parse import urlsplit

import pytest
from account_support import AUTH, account_service, new_password

from quant.accounts import attempts

MAILS_A_DAY = 5


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        yield service


def test_a_mailed_token_sets_a_new_password(accounts):
    person, password = accounts.person(), new_password()
    assert accounts.forget(person.email).status == 202
    assert accounts.reset(accounts.mailed_token(person.email), password).status == 204
    assert accounts.login(person.email, password).status == 200
    assert accounts.login(person.email, person.password).status == 401


def test_the_link_of_a_mail_opens_a_page(accounts):
    person = accounts.person()
    accounts.forget(person.email)
    [[_, body]] = accounts.mails_to(person.email)
    link = urlsplit(re.search(r"https://\S+", body)[0])
    assert link.fragment == f"token={accounts.mailed_token(person.email)}"
    page = accounts.call("GET", link.path)
    assert page.status == 200
    assert b"new_password" in page.body
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"


def test_a_token_works_once_and_so_do_its_siblings(accounts):
    person = accounts.person()
    tokens = []
    for _ in range(2):
        accounts.forget(person.email)
        tokens.append(accounts.mailed_token(person.email))
    password = new_password()
    assert accounts.reset(tokens[0], password).status == 204
    for token in tokens:
        again = accounts.reset(token, new_password())
        assert again.status == 422
        assert again.json["errors"][0]["code"] == "invalid_token"
    assert accounts.login(person.email, password).status == 200


def test_of_two_resets_at_the_same_time_one_wins(accounts):
    from quant.accounts.resets import reset_password
    from quant.errors import InvalidInputError
    from quant.origin import Origin

    person = accounts.person()
    tokens = []
    for _ in range(2):
        accounts.forget(person.email)
        tokens.append(accounts.mailed_token(person.email))
    outcomes = []

    def reset(token):
        try:
            reset_password(token, new_password(), Origin())
            outcomes.append("won")
        except InvalidInputError:
            outcomes.append("lost")

    threads = [threading.Thread(target=reset, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "won"]


def test_a_token_expires_after_an_hour_and_only_its_digest_is_kept(accounts):
    person = accounts.person()
    accounts.forget(person.email)
    token = accounts.mailed_token(person.email)
    [[lifetime]] = accounts.sql(
        "select expires_at - now() from password_resets where token_hash = sha256(:token)",
        token=token.encode(),
    )
    assert 3500 < lifetime.total_seconds() <= 3600
    accounts.sql("update password_resets set expires_at = now()")
    assert accounts.reset(token, new_password()).status == 422


@pytest.mark.parametrize("token", ["", "qpr_", "qpr_" + "a" * 43, "' or 1=1 --"])
def test_made_up_tokens_are_refused(accounts, token):
    assert accounts.reset(token, new_password()).status == 422


def test_tokens_of_mails_are_good_for_their_own_purpose_alone(accounts):
    person, email = accounts.person(), accounts.email()
    accounts.forget(person.email)
    accounts.register(email, new_password())
    assert accounts.verify(accounts.mailed_token(person.email)).status == 422
    assert accounts.reset(accounts.mailed_token(email), new_password()).status == 422


def test_a_refused_password_leaves_the_token_usable(accounts):
    person = accounts.person()
    accounts.forget(person.email)
    token = accounts.mailed_token(person.email)
    for refused in ("short", "password1234", f"{person.email}"):
        answer = accounts.reset(token, refused)
        assert answer.status == 422
        assert answer.json["errors"][0]["location"] == "body.new_password"
    assert accounts.reset(token, new_password()).status == 204


def test_all_sessions_and_api_tokens_end(accounts):
    person = accounts.person()
    logins = [accounts.sign_in(person) for _ in range(2)]
    assert logins[0].call("POST", f"{AUTH}/tokens", {"name": "nightly"}).status == 201
    bystander = accounts.sign_in()
    accounts.forget(person.email)
    accounts.reset(accounts.mailed_token(person.email), new_password())
    assert [login.refresh().status for login in logins] == [401, 401]
    assert accounts.sql(
        "select count(*) from api_tokens where account_id = :id and revoked_at is null",
        id=person.id,
    ) == [(0,)]
    assert bystander.refresh().status == 200
    [*_, requested, reset] = accounts.audited(person.id)
    assert requested == ("password_reset_requested", {"outcome": "known"})
    assert reset == ("password_reset", {"sessions_revoked": 2, "api_tokens_revoked": 1})


def test_revoked_sessions_are_announced(accounts, monkeypatch):
    from quant import revocation

    announced = []
    monkeypatch.setattr(revocation, "announce", announced.extend)
    signed_in = accounts.sign_in()
    accounts.forget(signed_in.person.email)
    accounts.reset(accounts.mailed_token(signed_in.person.email), new_password())
    assert announced == [uuid.UUID(signed_in.session_id)]


def test_whoever_was_locked_out_gets_in_again(accounts):
    person, password = accounts.person(), new_password()
    for _ in range(attempts.LOGIN_OF_ACCOUNT.free):
        accounts.login(person.email, "not the password of anybody")
    assert accounts.login(person.email, person.password).status == 429
    accounts.forget(person.email)
    accounts.reset(accounts.mailed_token(person.email), password)
    assert accounts.login(person.email, password).status == 200


def unverified(accounts):
    email = accounts.email()
    accounts.register(email, new_password())
    return email


def disabled(accounts):
    person = accounts.person()
    accounts.sql("update accounts set disabled_at = now() where id = :id", id=person.id)
    return person.email


@pytest.mark.parametrize("other", [lambda a: a.email(), unverified, disabled])
def test_other_addresses_get_the_same_answer_and_a_mail_without_a_token(accounts, other):
    known, address = accounts.person().email, other(accounts)
    before = len(accounts.mails_to(address))
    answers = [accounts.forget(email) for email in (known, address)]
    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].body == answers[1].body
    ignored = {"x-request-id"}
    names = [{k: v for k, v in answer.headers.items() if k not in ignored} for answer in answers]
    assert names[0] == names[1]
    [[_, body]] = accounts.mails_to(address)[before:]
    assert "qpr_" not in body
    assert "no account" in body


def test_a_token_of_an_account_disabled_meanwhile_is_refused(accounts):
    person = accounts.person()
    accounts.forget(person.email)
    accounts.sql("update accounts set disabled_at = now() where id = :id", id=person.id)
    assert accounts.reset(accounts.mailed_token(person.email), new_password()).status == 422


@pytest.mark.parametrize("known", [True, False])
def test_nobodys_mailbox_is_filled(accounts, known):
    email = accounts.person().email if known else accounts.email()
    for _ in range(8):
        assert accounts.forget(email).status == 202
    assert len(accounts.mails_to(email)) == MAILS_A_DAY
    assert accounts.sql(
        "select count(*) from password_resets r join accounts a on a.id = r.account_id"
        " where a.email = :email",
        email=email,
    ) == [(MAILS_A_DAY if known else 0,)]


def test_requests_for_unknown_addresses_are_on_record_without_the_address(accounts):
    email = accounts.email()
    accounts.forget(email)
    [[target, details]] = accounts.sql(
        "select target, details from audit_log where event = 'password_reset_requested'"
        " order by sequence desc limit 1"
    )
    assert (target, details) == (None, {"outcome": "unknown"})
