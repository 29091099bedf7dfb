import importlib
import sys
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from account_support import account_service
from alert_support import EXAMPLES, WATCHLISTS, Subscriber, alert_service, trade
from sqlalchemy import create_engine

from quant.accounts import mail
from quant.alerts.deliveries import purge, record_attempt
from quant.alerts.matching import announce
from quant.alerts.retries import MAX_ATTEMPTS
from quant.db import session
from quant.db.session import write
from quant.errors import StoreUnavailableError
from quant.pipeline.messages import DeliveryReport

# The one that sends; ``account_service`` puts another in its place.
SEND = mail.send
WYDEN = uuid.UUID("0b7f3b8e-6a5c-5c0e-9d3c-2f6a6c1f7a10")


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        for statement in EXAMPLES:
            service.sql(statement)
        service.sql(
            "insert into committee_memberships (committee_id, politician_id) values ('SSFI', :id)",
            id=WYDEN,
        )
        yield service


@pytest.fixture
def alerts(accounts):
    # A queue of its own for each test, and nothing that an earlier one watched.
    accounts.sql("delete from watchlists")
    with alert_service() as service:
        yield service
    for name in ("match", "deliver", "digest"):
        sys.modules.pop(f"alerts.{name}", None)


@pytest.fixture
def subscriber():
    with Subscriber() as server:
        yield server


@pytest.fixture
def login(accounts):
    return accounts.sign_in(accounts.person(tier="basic"))


def watch(login, subscriber=None, **content):
    """A new watchlist, of NVDA unless told otherwise."""
    body = {"name": "mine", "digest": subscriber is None}
    if subscriber is not None:
        body["webhook_url"] = subscriber.url
    if not {"tickers", "politicians", "committees"} & content.keys():
        content["tickers"] = ["NVDA"]
    answer = login.call("POST", WATCHLISTS, {**body, **content})
    assert answer.status == 201, answer.body
    return answer.json


def deliveries(login, watchlist, **query):
    answer = login.accounts.api.get(
        f"{WATCHLISTS}/{watchlist['id']}/deliveries", query, authorizer=login.authorizer
    )
    assert answer.status == 200, answer.body
    return answer.json["data"]


def run_digest(remaining_ms=300_000):
    class Context:
        def get_remaining_time_in_millis(self):
            return remaining_ms

    return importlib.import_module("alerts.digest").handler({}, Context())


# Webhooks


def test_a_trade_is_posted_signed(alerts, subscriber, login):
    watchlist = watch(login, subscriber)
    disclosed = trade()
    assert alerts.match(disclosed) == []
    assert alerts.deliver() == 0
    [received] = subscriber.received
    assert received.is_signed_by(watchlist["webhook_secret"])
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 60
    assert received.headers["content-type"] == "application/json"
    assert received.headers["host"] in subscriber.url
    event = received.event
    assert event["type"] == "trade.disclosed"
    assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
    assert event["data"]["watchlist"] == {"id": watchlist["id"], "name": "mine"}
    assert event["data"]["matched"] == ["ticker"]
    assert event["data"]["trade"] == {
        "trade_id": str(disclosed.trade_id),
        "politician_id": str(disclosed.politician_id),
        "politician": "Wanda Senator",
        "ticker": "NVDA",
        "asset": "NVIDIA Corporation",
        "operation": "purchase",
        "owner": "spouse",
        "transaction_date": "2026-11-02",
        "disclosure_date": "2026-11-20",
        "amount_min": 1001.0,
        "amount_max": 15000.0,
        "filing_url": "https://example.org/filing",
        "synthetic": False,
    }
    [delivery] = deliveries(login, watchlist)
    assert delivery["id"] == received.headers["webhook-id"]
    assert (delivery["state"], delivery["status"], delivery["attempts"]) == ("delivered", 204, 1)
    assert delivery["trade_id"] == str(disclosed.trade_id)


@pytest.mark.parametrize(
    ("watched", "changes", "matched"),
    [
        ({"tickers": ["NVDA"]}, {}, ["ticker"]),
        ({"tickers": ["AMD"]}, {}, None),
        ({"tickers": ["NVDA"]}, {"ticker": None}, None),
        ({"politicians": ["W000779"]}, {"politician_id": WYDEN}, ["politician"]),
        ({"politicians": ["W000779"]}, {}, None),
        ({"committees": ["SSFI"]}, {"politician_id": WYDEN, "ticker": None}, ["committee"]),
        ({"committees": ["SSFI"]}, {}, None),
        (
            {"tickers": ["NVDA"], "politicians": [str(WYDEN)], "committees": ["SSFI"]},
            {"politician_id": WYDEN},
            ["politician", "ticker", "committee"],
        ),
    ],
    ids=str,
)
def test_what_concerns_a_watchlist(alerts, subscriber, login, watched, changes, matched):
    watchlist = watch(login, subscriber, **watched)
    assert alerts.match(trade(**changes)) == []
    assert [row["matched"] for row in deliveries(login, watchlist)] == (
        [matched] if matched else []
    )


def test_each_watchlist_and_account_gets_its_own(alerts, subscriber, accounts):
    watchlists = [watch(accounts.sign_in(), subscriber) for _ in range(2)]
    alerts.match(trade())
    alerts.deliver()
    signed = [
        [received.is_signed_by(watchlist["webhook_secret"]) for watchlist in watchlists]
        for received in subscriber.received
    ]
    assert sorted(signed) == [[False, True], [True, False]]


def test_an_event_that_comes_twice_is_delivered_once(alerts, subscriber, login):
    watch(login, subscriber)
    disclosed = trade()
    alerts.match(disclosed, disclosed)
    alerts.match(disclosed)
    alerts.deliver()
    alerts.match(disclosed)
    alerts.deliver()
    assert len(subscriber.received) == 1


def test_an_event_matched_twice_at_the_same_time_is_delivered_once(
    alerts, subscriber, accounts, database, monkeypatch
):
    # A process has one connection; as many as functions that run at the same time have together.
    engine = create_engine(database.url, isolation_level="AUTOCOMMIT", pool_size=4)
    monkeypatch.setattr(session, "engine", lambda: engine)
    logins = [accounts.sign_in() for _ in range(3)]
    for login in logins:
        watch(login, subscriber)
    disclosed = trade()
    threads = [threading.Thread(target=announce, args=[disclosed]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert alerts.waiting() == 3


def test_what_could_not_be_queued_is_when_the_event_comes_again(
    alerts, subscriber, login, monkeypatch
):
    watch(login, subscriber)
    disclosed = trade()
    with monkeypatch.context() as patch:
        patch.setenv("QUANT_DELIVERIES_QUEUE_URL", alerts.deliveries_url + "-away")
        assert alerts.match(disclosed) == ["0"]
    assert alerts.match(disclosed) == []
    alerts.deliver()
    assert len(subscriber.received) == 1


def test_many_watchlists_are_all_told(alerts, accounts, login):
    accounts.sql(
        "insert into watchlists (id, account_id, name, tickers, politicians, committees, digest,"
        " webhook_url) select gen_random_uuid(), :id, 'x', '{NVDA}', '{}', '{}', true,"
        " 'https://hooks.example.org' from generate_series(1, 450)",
        id=login.person.id,
    )
    assert announce(trade()) == 900
    assert alerts.waiting() == 450


def test_a_failed_webhook_is_tried_again_with_the_same_id(alerts, subscriber, login):
    watchlist = watch(login, subscriber)
    subscriber.status = 500
    alerts.match(trade())
    assert alerts.deliver() == 1
    [row] = deliveries(login, watchlist)
    assert (row["state"], row["status"], row["detail"]) == ("pending", 500, "answered 500")
    shown = login.call("GET", f"{WATCHLISTS}/{watchlist['id']}").json
    assert shown["failing_since"] == row["last_attempt_at"]
    # Its back-off is not over: nothing is there to be received.
    assert alerts.deliver() == 0
    subscriber.status = 200
    assert alerts.retry() == 0
    first, second = subscriber.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    [row] = deliveries(login, watchlist)
    assert (row["state"], row["attempts"], row["detail"]) == ("delivered", 2, None)
    assert login.call("GET", f"{WATCHLISTS}/{watchlist['id']}").json["failing_since"] is None


def test_the_last_attempt_fails_for_good_and_stays_for_an_operator(alerts, subscriber, login):
    watchlist = watch(login, subscriber)
    subscriber.status = 503
    alerts.match(trade())
    alerts.deliver()
    for _ in range(MAX_ATTEMPTS - 1):
        assert alerts.retry() == 1
    assert len(subscriber.received) == MAX_ATTEMPTS
    [row] = deliveries(login, watchlist, state="failed")
    assert row["attempts"] == MAX_ATTEMPTS
    assert alerts.waiting() == 1
    assert deliveries(login, watchlist, state="pending") == []


def test_no_answer_is_a_failure(alerts, login):
    with Subscriber() as gone:
        watchlist = watch(login, gone)
    alerts.match(trade())
    assert alerts.deliver() == 1
    [row] = deliveries(login, watchlist)
    assert (row["status"], row["detail"]) == (None, "no answer: ConnectError")


def test_a_redirect_is_not_followed(alerts, subscriber, login):
    watchlist = watch(login, subscriber)
    with Subscriber() as elsewhere:
        subscriber.status, subscriber.headers = 307, {"Location": elsewhere.url}
        alerts.match(trade())
        assert alerts.deliver() == 1
        assert elsewhere.received == []
    assert deliveries(login, watchlist)[0]["detail"] == "answered 307"


def test_a_receiver_that_is_gone_is_not_asked_again(alerts, subscriber, login, accounts):
    watchlist = watch(login, subscriber)
    subscriber.status = 410
    alerts.match(trade())
    assert alerts.deliver() == 0
    assert alerts.waiting() == 0
    assert deliveries(login, watchlist)[0]["state"] == "failed"
    shown = login.call("GET", f"{WATCHLISTS}/{watchlist['id']}").json
    assert shown["webhook_disabled_at"] is not None
    assert accounts.audited(watchlist["id"])[-1] == ("webhook_disabled", {"status": 410})
    alerts.match(trade())
    assert alerts.waiting() == 0


def test_a_webhook_that_fails_for_days_is_turned_off_and_its_owner_told(
    alerts, subscriber, login, accounts
):
    watchlist = watch(login, subscriber)
    path = f"{WATCHLISTS}/{watchlist['id']}"
    first, second = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC)
    for at, turned_off in (
        (first, False),
        (second - timedelta(seconds=1), False),
        (second, True),
    ):
        alerts.match(trade())
        delivery = deliveries(login, watchlist)[0]
        for attempt in (1, MAX_ATTEMPTS):
            write_report(delivery["id"], attempt, at)
            final = attempt == MAX_ATTEMPTS
            shown = login.call("GET", path).json
            assert (shown["webhook_disabled_at"] is not None) is (turned_off and final)
    assert run_digest()["sent"] == 1
    assert run_digest()["sent"] == 0
    [(subject, body)] = accounts.mails_to(login.person.email)
    assert "turned off" in subject
    assert watchlist["id"] in body
    assert subscriber.url not in body

    content = {"name": "mine", "tickers": ["NVDA"], "webhook_url": subscriber.url}
    assert login.call("PUT", path, content).json["webhook_disabled_at"] is None
    waiting = alerts.waiting()
    alerts.match(trade())
    assert alerts.waiting() == waiting + 1


def write_report(delivery, attempt, at, status=500):
    report = DeliveryReport(
        delivery_id=delivery,
        attempt=attempt,
        attempted_at=at,
        status=status,
        delivered=status == 200,
        detail="" if status == 200 else f"answered {status}",
    )
    write(lambda connection: record_attempt(connection, report))


def test_reports_may_come_twice_and_in_any_order(alerts, subscriber, login):
    watchlist = watch(login, subscriber)
    alerts.match(trade())
    delivery = deliveries(login, watchlist)[0]["id"]
    at = datetime(2026, 11, 1, tzinfo=UTC)
    write_report(delivery, 2, at + timedelta(seconds=5), status=200)
    write_report(delivery, 1, at)
    write_report(delivery, 2, at + timedelta(seconds=5), status=200)
    write_report(delivery, 1, at)
    [row] = deliveries(login, watchlist)
    assert (row["state"], row["attempts"], row["status"]) == ("delivered", 2, 200)
    assert login.call("GET", f"{WATCHLISTS}/{watchlist['id']}").json["failing_since"] is None


def test_a_report_on_an_address_left_behind_does_not_harm_the_new_one(alerts, subscriber, login):
    watchlist = watch(login, subscriber)
    alerts.match(trade())
    delivery = deliveries(login, watchlist)[0]["id"]
    path = f"{WATCHLISTS}/{watchlist['id']}"
    content = {"name": "x", "tickers": ["NVDA"], "webhook_url": "https://new.example.org/"}
    assert login.call("PUT", path, content).status == 200
    write_report(delivery, 1, datetime.now(UTC), status=410)
    shown = login.call("GET", path).json
    assert (shown["webhook_disabled_at"], shown["failing_since"]) == (None, None)
    assert deliveries(login, watchlist)[0]["state"] == "failed"


def test_a_report_on_a_deleted_watchlist_is_dropped(alerts, subscriber, login):
    watchlist = watch(login, subscriber)
    alerts.match(trade())
    assert login.call("DELETE", f"{WATCHLISTS}/{watchlist['id']}").status == 204
    alerts.deliver()
    assert len(alerts.reports) == 1


def test_after_a_rotation_both_secrets_sign_for_a_day(alerts, subscriber, login, accounts):
    watchlist = watch(login, subscriber)
    path = f"{WATCHLISTS}/{watchlist['id']}/rotate-secret"
    new = login.call("POST", path).json["webhook_secret"]
    alerts.match(trade())
    accounts.sql(
        "update watchlists set secret_rotated_at = now() - interval '25 hours' where id = :id",
        id=watchlist["id"],
    )
    alerts.match(trade())
    alerts.deliver()
    at_once, next_day = sorted(
        subscriber.received, key=lambda received: -len(received.headers["webhook-signature"])
    )
    assert at_once.is_signed_by(new)
    assert at_once.is_signed_by(watchlist["webhook_secret"])
    assert next_day.is_signed_by(new)
    assert not next_day.is_signed_by(watchlist["webhook_secret"])


def test_a_test_is_delivered_like_a_trade(alerts, subscriber, login):
    watchlist = watch(login, subscriber)
    answer = login.call("POST", f"{WATCHLISTS}/{watchlist['id']}/test")
    assert answer.status == 202, answer.body
    alerts.deliver()
    [received] = subscriber.received
    assert received.is_signed_by(watchlist["webhook_secret"])
    assert received.event["type"] == "webhook.test"
    assert received.headers["webhook-id"] == answer.json["id"]
    [row] = deliveries(login, watchlist)
    assert (row["state"], row["trade_id"], row["matched"]) == ("delivered", None, [])


def test_a_test_without_the_queue_is_a_503_and_leaves_nothing(
    alerts, subscriber, login, monkeypatch
):
    watchlist = watch(login, subscriber)
    with monkeypatch.context() as patch:
        patch.setenv("QUANT_DELIVERIES_QUEUE_URL", alerts.deliveries_url + "-away")
        assert login.call("POST", f"{WATCHLISTS}/{watchlist['id']}/test").status == 503
    assert deliveries(login, watchlist) == []


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"detail": {}}', '{"detail": null}'])
def test_a_message_that_is_no_trade_is_set_aside(alerts, body):
    match = importlib.import_module("alerts.match").handler
    answer = match({"Records": [{"messageId": "m", "body": body}]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_a_message_that_is_no_webhook_holds_up_no_other(alerts, subscriber, login):
    watch(login, subscriber)
    alerts.sqs.send_message(QueueUrl=alerts.deliveries_url, MessageBody="{}")
    alerts.match(trade())
    assert alerts.deliver() == 1
    assert len(subscriber.received) == 1


def test_disabled_accounts_get_nothing(alerts, subscriber, login, accounts):
    watchlist = watch(login, subscriber, digest=True)
    accounts.sql("update accounts set disabled_at = now() where id = :id", id=login.person.id)
    alerts.match(trade())
    assert accounts.sql(
        "select count(*) from alert_deliveries where watchlist_id = :id", id=watchlist["id"]
    ) == [(0,)]


def test_old_deliveries_are_forgotten(alerts, login, accounts):
    watchlist = watch(login)
    alerts.match(trade(), trade())
    accounts.sql(
        "update alert_deliveries set created_at = now() - interval '91 days' where id = :id",
        id=deliveries(login, watchlist)[0]["id"],
    )
    assert write(purge) == 1
    assert len(deliveries(login, watchlist)) == 1


# Digests


def test_a_digest_says_once_what_was_disclosed(alerts, login, accounts):
    watch(login, name="chips")
    watch(login, name="Finance", committees=["SSFI"])
    alerts.match(
        trade(),
        trade(
            politician_id=WYDEN,
            politician="Ron Wyden",
            ticker=None,
            asset="Treasury\r\nBcc: x@example.org",
            operation="sale_full",
            amount_max=None,
            disclosure_date=None,
            filing_url=None,
            synthetic=True,
        ),
    )
    assert run_digest() == {"sent": 1, "failed": 0, "complete": True}
    [(subject, body)] = accounts.mails_to(login.person.email)
    assert subject == "Disclosed trades you watch: 2"
    assert (
        "chips\n"
        "- Wanda Senator: purchase of NVIDIA Corporation (NVDA)\n"
        "  $1,001 - $15,000, on 2026-11-02, disclosed 2026-11-20\n"
        "  https://example.org/filing\n"
        "\n"
        "Finance\n"
        "- Ron Wyden: sale full of Treasury Bcc: x@example.org\n"
        "  over $1,001, on 2026-11-02, disclosed on a day the source does not say\n"
        "  Synthetic: made up for demonstration.\n"
    ) in body
    assert run_digest()["sent"] == 0


def test_a_digest_that_ses_did_not_take_waits(alerts, login, accounts, monkeypatch):
    other = accounts.sign_in()
    for owner in (login, other):
        watch(owner)
    alerts.match(trade())
    send = mail.send

    def refuse(to, *parts):
        if to == login.person.email:
            raise StoreUnavailableError(mail.STORE)
        send(to, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(mail, "send", refuse)
        assert run_digest() == {"sent": 1, "failed": 1, "complete": True}
        with pytest.raises(StoreUnavailableError):
            run_digest()
    assert run_digest()["sent"] == 1
    assert len(accounts.mails_to(login.person.email)) == 1
    assert len(accounts.mails_to(other.person.email)) == 1


def test_digests_stop_in_time(alerts, login):
    watch(login)
    alerts.match(trade())
    assert run_digest(remaining_ms=1000) == {"sent": 0, "failed": 0, "complete": False}
    assert run_digest()["sent"] == 1


def unsubscribe_link(accounts, login):
    body = accounts.mails_to(login.person.email)[-1][1]
    [link] = [line for line in body.splitlines() if "unsubscribe" in line]
    path, _, token = link.removeprefix("https://quant.example").partition("?token=")
    return path, {"token": token}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
            b"--x--\r\n",
        ),
        ("application/x-www-form-urlencoded", b""),
    ],
    ids=["one click", "one click, multipart", "button"],
)
def test_the_link_of_a_digest_stops_them(alerts, login, accounts, content_type, body):
    watchlists = [watch(login), watch(login, committees=["SSFI"])]
    alerts.match(trade())
    run_digest()
    alerts.match(trade())
    path, query = unsubscribe_link(accounts, login)
    page = accounts.api.get(path, query, address=accounts.address(), authorizer={})
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert login.call("GET", f"{WATCHLISTS}/{watchlists[0]['id']}").json["digest"] is True
    for _ in range(2):
        answer = accounts.api.send(
            "POST",
            path,
            query,
            {"Content-Type": content_type},
            body=body,
            address=accounts.address(),
            authorizer={},
        )
        assert answer.status == 200, answer.body
    for watchlist in watchlists:
        assert login.call("GET", f"{WATCHLISTS}/{watchlist['id']}").json["digest"] is False
    assert accounts.audited(login.person.id)[-1] == ("digests_stopped", {})
    # Turned on again, the trade of before is not brought up.
    for watchlist in watchlists:
        content = {"name": "x", "tickers": ["NVDA"], "digest": True}
        login.call("PUT", f"{WATCHLISTS}/{watchlist['id']}", content)
    assert run_digest()["sent"] == 0


def test_a_link_for_another_account_cannot_be_made(alerts, login, accounts):
    watch(login)
    stranger = accounts.sign_in()
    watch(stranger)
    alerts.match(trade())
    run_digest()
    path, query = unsubscribe_link(accounts, stranger)
    forged = login.person.id.hex + "." + query["token"].partition(".")[2]
    for token, status in ((forged, 404), (query["token"][:-1], 422), ("", 422)):
        answer = accounts.api.send(
            "POST", path, {"token": token}, address=accounts.address(), authorizer={}
        )
        assert answer.status == status
    [watchlist] = login.call("GET", WATCHLISTS).json["data"]
    assert watchlist["digest"] is True


def test_a_digest_can_be_stopped_with_one_click(alerts, login, monkeypatch):
    sent = []

    class Ses:
        def send_raw_email(self, **arguments):
            sent.append(arguments)

    watch(login)
    alerts.match(trade())
    with monkeypatch.context() as patch:
        patch.setattr(mail, "send", SEND)
        patch.setattr(mail, "_client", Ses)
        run_digest()
    [arguments] = sent
    assert arguments["Destinations"] == [login.person.email]
    message = message_from_bytes(arguments["RawMessage"]["Data"], policy=policy.default)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = message["List-Unsubscribe"]
    assert link.strip("<>") in message.get_content()
