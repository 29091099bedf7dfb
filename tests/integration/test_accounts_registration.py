import base64
import hashlib
import re
from urllib.parse import urlsplit

import pytest
from account_support import AUTH, account_service, new_password

TAKEN_WITHOUT_MAIL = 5


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        yield service


def test_a_mailed_token_makes_an_account_usable(accounts):
    email, password = accounts.email(), new_password()
    assert accounts.register(email, password).status == 202
    assert accounts.login(email, password).status == 403
    token = accounts.mailed_token(email)
    assert accounts.verify(token).status == 204
    assert accounts.login(email, password).status == 200


def test_the_link_of_a_mail_opens_a_page_that_may_run_its_own_script_only(accounts):
    email = accounts.email()
    accounts.register(email, new_password())
    [[_, body]] = accounts.mails_to(email)
    link = urlsplit(re.search(r"https://\S+", body)[0])
    assert link.fragment == f"token={accounts.mailed_token(email)}"
    page = accounts.call("GET", link.path)
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    [script] = re.findall(rb"<script>(.*)</script>", page.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_a_token_of_a_mail_works_once(accounts):
    email = accounts.email()
    accounts.register(email, new_password())
    token = accounts.mailed_token(email)
    assert accounts.verify(token).status == 204
    again = accounts.verify(token)
    assert again.status == 422
    assert again.json["errors"][0]["code"] == "invalid_token"


def test_a_token_of_a_mail_expires(accounts):
    email = accounts.email()
    accounts.register(email, new_password())
    accounts.sql("update email_verifications set expires_at = now() - interval '1 second'")
    assert accounts.verify(accounts.mailed_token(email)).status == 422


def test_only_the_digest_of_a_mailed_token_is_kept(accounts):
    email = accounts.email()
    accounts.register(email, new_password())
    token = accounts.mailed_token(email)
    [[lifetime]] = accounts.sql(
        "select expires_at - now() from email_verifications where token_hash = sha256(:token)",
        token=token.encode(),
    )
    assert 86_000 < lifetime.total_seconds() <= 86_400


def test_a_known_address_gets_the_same_answer_and_another_mail(accounts):
    known, new = accounts.person().email, accounts.email()
    answers = [accounts.register(email, new_password()) for email in (known, new)]
    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].body == answers[1].body
    ignored = {"x-request-id"}
    names = [{k: v for k, v in answer.headers.items() if k not in ignored} for answer in answers]
    assert names[0] == names[1]
    [[known_subject, known_body]] = accounts.mails_to(known)
    [[new_subject, _]] = accounts.mails_to(new)
    assert known_subject != new_subject
    assert "qev_" not in known_body


def test_registering_a_known_address_changes_nothing(accounts):
    person = accounts.person()
    accounts.register(person.email, new_password())
    assert accounts.login(person.email, person.password).status == 200


def test_spellings_of_an_address_are_one_account(accounts):
    email, password = accounts.email(), new_password()
    accounts.register(email.upper(), password)
    accounts.verify(accounts.mailed_token(email))
    assert accounts.login(email.capitalize(), password).status == 200
    assert accounts.sql("select count(*) from accounts where email = :email", email=email) == [(1,)]


@pytest.mark.parametrize("last", ["stranger", "owner"])
def test_a_link_activates_the_password_it_was_mailed_for(accounts, last):
    """Whoever registers somebody else's address in advance or afterwards gets no way in."""
    email, stranger, owner = accounts.email(), new_password(), new_password()
    tokens = {}
    order = [("owner", owner), ("stranger", stranger)]
    for who, password in order if last == "stranger" else reversed(order):
        accounts.register(email, password)
        tokens[who] = accounts.mailed_token(email)
    assert accounts.verify(tokens["owner"]).status == 204
    assert accounts.login(email, owner).status == 200
    assert accounts.login(email, stranger).status == 401
    assert accounts.verify(tokens["stranger"]).status == 422
    assert accounts.login(email, stranger).status == 401


@pytest.mark.parametrize("known", [True, False])
def test_nobodys_mailbox_is_filled(accounts, known):
    email = accounts.person().email if known else accounts.email()
    for _ in range(8):
        assert accounts.register(email, new_password()).status == 202
    assert len(accounts.mails_to(email)) == TAKEN_WITHOUT_MAIL


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@",
        "@example.org",
        "ada@localhost",
        "ada@127.0.0.1",
        "ada@[127.0.0.1]",
        "a da@example.org",
        "ada@exa mple.org",
        "ada@example..org",
        ".ada@example.org",
        "ada@@example.org",
        '"ada"@example.org',
        "äda@example.org",
        "ada\r\nBcc: eve@example.org@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@example.org,eve@example.org",
        f"{'a' * 65}@example.org",
        f"ada@{'a' * 250}.org",
    ],
)
def test_what_is_no_address_is_refused(accounts, email):
    before = len(accounts.mails)
    answer = accounts.register(email, new_password())
    assert answer.status == 422
    assert answer.json["errors"][0]["location"] == "body.email"
    assert len(accounts.mails) == before


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "qwertyuiop123456",
        "iloveyouiloveyou",
        "aaaaaaaaaaaaaaaa",
        "P@ssw0rd1234",
        "letmein123456",
        "example.org.2026",
    ],
)
def test_common_passwords_are_refused(accounts, password):
    answer = accounts.register(accounts.email(), password)
    assert answer.status == 422
    assert answer.json["errors"][0]["code"] == "common_password"
    assert password not in answer.body.decode()


def test_a_password_made_of_the_address_is_refused(accounts):
    email = f"marguerite-{accounts.email()}"
    assert accounts.register(email, email.partition("@")[0]).status == 422


@pytest.mark.parametrize(
    ("password", "status"),
    [("xK9#vQ2$mL7", 422), ("xK9#vQ2$mL7!", 202), ("€" * 1025, 422), ("\ud800" * 12, 422)],
)
def test_length_and_text_of_a_password(accounts, password, status):
    assert accounts.register(accounts.email(), password).status == status


def test_registration_is_on_record(accounts):
    email, password = accounts.email(), new_password()
    accounts.register(email, password)
    accounts.register(email, password)
    accounts.verify(accounts.mailed_token(email))
    accounts.register(email, password)
    [[account_id]] = accounts.sql("select id from accounts where email = :email", email=email)
    assert accounts.audited(account_id) == [
        ("registered", {"outcome": "new"}),
        ("registered", {"outcome": "repeated"}),
        ("email_verified", {}),
        ("registered", {"outcome": "known"}),
    ]


def test_nothing_is_kept_when_the_record_cannot_be(accounts, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError

    from quant import audit

    email = accounts.email()
    monkeypatch.setattr(audit, "record", fail)
    assert accounts.register(email, new_password()).status == 500
    assert accounts.sql("select count(*) from accounts where email = :email", email=email) == [(0,)]
    assert accounts.mails_to(email) == []


def test_answers_are_kept_by_nobody(accounts):
    answer = accounts.register(accounts.email(), new_password())
    assert answer.headers["cache-control"] == "no-store"
    assert accounts.call("GET", f"{AUTH}/me").status == 401
