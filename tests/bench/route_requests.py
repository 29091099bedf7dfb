"""Requests to every route of the API, and people who need them."""

from typing import Any

from account_support import AUTH, Accounts, Person, SignedIn, new_password
from alert_support import WATCHLISTS
from export_support import EXPORT, JOBS, ExportService
from ml_serving_support import publish
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from tests.integration.conftest import Api, authorizer_context

from quant.alerts.signing import unsubscribe_token
from quant.ml.catalogue import MODELS
from quant.vocabulary import Role

V1 = "/api/v1"
PEOPLE, POLITICIANS = 6, 2
MODEL = next(iter(MODELS))

type Read = tuple[str, dict[str, object]]


def reads(engine: Engine) -> list[Read]:
    """What needs no account of its own, but of models."""
    people = _values(
        engine,
        "select p.bioguide_id from trades t join politicians p on p.id = t.politician_id"
        f" group by 1 order by count(*) desc, 1 limit {POLITICIANS}",
    )
    [ticker] = _values(
        engine, "select ticker from trades group by 1 order by count(*) desc, 1 limit 1"
    )
    [trade] = _values(engine, "select id::text from trades order by id limit 1")
    plain = (
        "/",
        "/health",
        "/health/ready",
        "/metrics",
        "/.well-known/jwks.json",
        f"{V1}/politicians",
        f"{V1}/trades",
        f"{V1}/trades/recent",
        f"{V1}/trades/{trade}",
        f"{V1}/openapi.json",
        f"{V1}/docs",
        f"{V1}/redoc",
        f"{V1}/docs/assets/swagger-ui.css",
        f"{V1}/usage",
        f"{V1}/status",
        f"{V1}/quality",
        f"{V1}/stats/overview",
        f"{V1}/stats/sectors",
        f"{V1}/stats/late-filings",
        f"{V1}/tickers",
        f"{V1}/tickers/{ticker}",
        f"{V1}/methods",
        f"{V1}/analytics/backtest",
        f"{V1}/analytics/correlation/pairwise",
        f"{V1}/analytics/network/analysis",
        f"{V1}/patterns/politicians",
        f"{AUTH}/verify-email",
        f"{AUTH}/reset-password",
    )
    of_people = (
        "/politicians/{}",
        "/analytics/performance/{}",
        "/analytics/ensemble/{}",
        "/analytics/insights/{}",
        "/analytics/anomaly-detection/{}",
        "/patterns/analyze/{}/fourier",
        "/patterns/analyze/{}/regime",
        "/patterns/analyze/{}/patterns",
        "/patterns/analyze/{}/comprehensive",
    )
    return [
        *((path, {}) for path in plain),
        (f"{V1}/stats/leaderboard", {"by": "volume"}),
        (f"{V1}/analytics/performance", {"by": "party"}),
        (f"{WATCHLISTS}/unsubscribe", {"token": f"{0:032x}.{'A' * 43}"}),
        (f"{V1}/patterns/compare", {"politicians": ",".join(people)}),
        *((V1 + path.format(person), {}) for path in of_people for person in people),
    ]


def reads_of_models(engine: Engine) -> list[Read]:
    """What is read of models and their predictions."""
    people = _values(
        engine,
        "select politician_id::text from predictions where politician_id is not null"
        f" group by 1 order by count(*) desc, 1 limit {POLITICIANS}",
    )
    return [
        *(
            (f"{V1}{path}", {})
            for path in ("/predictions", "/signals", "/models", f"/models/{MODEL}")
        ),
        (f"{V1}/models/{MODEL}/scorecard", {}),
        *((f"{V1}/predictions/{person}", {}) for person in people),
    ]


def use_accounts(accounts: Accounts) -> None:
    """People come, stay a while, forget their passwords and go."""
    for _ in range(PEOPLE):
        email, password, changed, reset = accounts.email(), *(new_password() for _ in range(3))
        _done(accounts.register(email, password))
        _done(accounts.verify(accounts.mailed_token(email)))
        login = accounts.login(email, password)
        person = SignedIn(accounts, _person(accounts, email, password), login)
        person.take(person.refresh())
        _done(person.call("GET", f"{AUTH}/me"))
        made = _done(person.call("POST", f"{AUTH}/tokens", {"name": "a script"}))
        _done(person.call("GET", f"{AUTH}/tokens"))
        _done(person.call("DELETE", f"{AUTH}/tokens/{made['id']}"))
        other = accounts.login(email, password).json["session_id"]
        _done(person.call("GET", f"{AUTH}/sessions"))
        _done(person.call("DELETE", f"{AUTH}/sessions/{other}"))
        body = {"old_password": password, "new_password": changed}
        _done(person.call("POST", f"{AUTH}/change-password", body))
        _done(accounts.forget(email))
        _done(accounts.reset(accounts.mailed_token(email), reset))
        person.take(accounts.login(email, reset))
        _done(person.call("POST", f"{AUTH}/logout", {}))


def administrate(accounts: Accounts) -> None:
    """An administrator looks through the audit log and changes tiers."""
    admin = accounts.sign_in(accounts.person(tier="premium", role=Role.ADMIN))
    somebody = accounts.person()
    for number in range(PEOPLE):
        tier = {"tier": "basic" if number % 2 else "premium"}
        _done(admin.call("PUT", f"{V1}/admin/accounts/{somebody.id}/tier", tier))
        _done(admin.call("GET", f"{V1}/admin/audit"))


def use_watchlists(accounts: Accounts, engine: Engine) -> None:
    """People watch a ticker, change their minds, and unsubscribe."""
    [ticker] = _values(
        engine, "select ticker from trades group by 1 order by count(*) desc limit 1"
    )
    for _ in range(PEOPLE):
        person = accounts.sign_in()
        content = {
            "name": "mine",
            "tickers": [ticker],
            "webhook_url": "https://hooks.example.org/t",
        }
        path = f"{WATCHLISTS}/{_done(person.call('POST', WATCHLISTS, content))['id']}"
        for method, place, document in (
            ("GET", WATCHLISTS, None),
            ("GET", path, None),
            ("PUT", path, {**content, "digest": True}),
            ("POST", f"{path}/rotate-secret", {}),
            ("POST", f"{path}/test", {}),
            ("GET", f"{path}/deliveries", None),
        ):
            _done(person.call(method, place, document))
        token = unsubscribe_token(person.person.id)
        answer = accounts.api.send(
            "POST",
            f"{WATCHLISTS}/unsubscribe",
            {"token": token},
            {"Content-Type": "application/x-www-form-urlencoded"},
            body=b"List-Unsubscribe=One-Click",
            address=accounts.address(),
            authorizer={},
        )
        _done(answer)
        _done(person.call("DELETE", path))


def export(api: Api, exports: ExportService, engine: Engine) -> None:
    """Somebody takes files of politicians, and orders larger ones."""
    people = _values(
        engine, f"select bioguide_id from politicians order by bioguide_id limit {PEOPLE}"
    )
    for person in people:
        caller = authorizer_context()
        for kind in ("trades", "analysis"):
            _done(api.get(f"{EXPORT}/{kind}/{person}", authorizer=caller))
        job = _done(
            api.post(f"{EXPORT}/batch/all-politicians", {"format": "csv"}, authorizer=caller)
        )
        _done(api.post(f"{EXPORT}/research-dataset", {}, authorizer=caller))
        _done(api.get(f"{EXPORT}/research-dataset", authorizer=caller))
        _done(api.get(JOBS, authorizer=caller))
        _done(api.get(f"{JOBS}/{job['id']}", authorizer=caller))
        exports.empty()


def decide_on_models(accounts: Accounts, engine: Engine) -> None:
    """An administrator promotes a version, rolls it back, and turns the model off and on."""
    admin = accounts.sign_in(accounts.person(tier="premium", role=Role.ADMIN))
    path = f"{V1}/models/{MODEL}"
    for number in range(PEOPLE):
        with Session(engine) as session:
            version = publish(session, MODEL, f"of-a-measurement-{number}")
        body = {"version": version, "reason": "A measurement."}
        _done(admin.call("POST", f"{path}/rollback", body))
        _done(admin.call("POST", f"{path}/promote", {**body, "force": True}))
        for disabled in (True, False):
            switch = {"disabled": disabled, "reason": "A measurement."}
            _done(admin.call("PUT", f"{path}/switch", switch))


def _person(accounts: Accounts, email: str, password: str) -> Person:
    [(identifier,)] = accounts.sql("select id from accounts where email = :email", email=email)
    return Person(identifier, email, password)


def _done(answer: Any) -> Any:
    """The document of an answer that is no problem."""
    if answer.status >= 400:
        msg = f"{answer.status} {answer.body[:500]!r}"
        raise AssertionError(msg)
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    return answer.json if answer.body and is_json else None


def _values(engine: Engine, statement: str) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text(statement)).all())
