"""What is served of models and stored predictions, and what an administrator decides of them."""

import importlib
import math
import uuid
from contextlib import contextmanager
from datetime import timedelta

import pytest
from account_support import account_service
from ml_serving_support import AS_OF, EVALUATION, made_up_prediction, publish
from sqlalchemy import select, text
from tests.integration.conftest import FILER, REPRESENTATIVE, SENATOR

from quant import audit
from quant.cache import AnswerCache
from quant.db.ml_models import ModelEvent, Prediction
from quant.methods.registry import all_methods
from quant.ml.catalogue import MODELS
from quant.ml.features.declared import FEATURES
from quant.vocabulary import AuditEvent, Role, Verdict

PREDICTIONS = "/api/v1/predictions"
SIGNALS = "/api/v1/signals"
CARDS = "/api/v1/models"

RETURN = "abnormal-return-21"
TICKER = "trades-ticker-next-month"
SECTOR = "trades-sector-next-month"
COUNT = "trade-count-cycle"
REFUSED = "abnormal-return-63"
UNTRAINED = "trade-count-regime"

PEOPLE = (SENATOR, REPRESENTATIVE, FILER)
WHY = "It loses to zero (p = 0.4)."


@pytest.fixture(scope="module", autouse=True)
def registered(disclosures):
    """Four models with a champion, one refused, one never trained; predictions of three."""
    for model in (RETURN, TICKER, SECTOR, COUNT):
        assert publish(disclosures, model, "run-1") == 1
    publish(disclosures, REFUSED, "run-1", verdict=Verdict.REFUSED, reasons=(WHY,))
    for number in range(40):
        disclosures.add(
            made_up_prediction(
                RETURN,
                1,
                number,
                politician_id=PEOPLE[number % 3],
                ticker="AAA" if number % 2 else "BBB",
            )
        )
        disclosures.add(
            made_up_prediction(
                SECTOR,
                1,
                number,
                politician_id=FILER,
                sector="Energy" if number % 2 else "Health Care",
                lower=None,
                upper=None,
                # The model has one date in a month: here the days tell the rows apart.
                as_of=AS_OF + timedelta(days=number),
            )
        )
    # Closed: three outcomes of which two lie within, and one that will not come.
    for number, outcome in ((0, 0.05), (1, 0.0), (2, 0.9)):
        row = disclosures.get(Prediction, made_up_prediction(RETURN, 1, number).id)
        row.outcome, row.outcome_on = outcome, AS_OF + timedelta(days=35)
    disclosures.get(Prediction, made_up_prediction(RETURN, 1, 3).id).outcome_missing = "no_price"
    disclosures.commit()


@pytest.fixture
def status(api):
    """Finds what a list of models says of one."""

    def find(model):
        [found] = [row for row in api.get(CARDS).json["data"] if row["name"] == model]
        return found

    return find


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        yield service


@pytest.fixture(scope="module")
def admin(accounts):
    return accounts.sign_in(accounts.person(role=Role.ADMIN, tier="premium"))


def listed(api, query=None, path=PREDICTIONS):
    return [
        row
        for answer in api.pages(path, {"limit": 7, **(query or {})})
        for row in answer.json["data"]
    ]


def test_every_model_says_whether_it_predicts(status):
    states = {model: status(model)["state"] for model in MODELS}
    assert states == {
        RETURN: "champion",
        TICKER: "champion",
        SECTOR: "champion",
        COUNT: "champion",
        REFUSED: "refused",
        UNTRAINED: "none",
    }
    assert status(RETURN)["reason"] is None
    assert WHY in status(REFUSED)["reason"]
    assert status(UNTRAINED)["latest_version"] is None


@pytest.mark.parametrize("model", MODELS)
def test_every_model_may_be_asked_for_signals(api, model):
    answer = api.get(SIGNALS, {"model": model, "ticker": "NONE"})
    assert answer.status == 200, answer.body
    assert answer.json["data"] == []


def test_the_record_so_far_counts_outcomes_and_coverage(status):
    assert status(RETURN)["record"]["live"] == {
        "predictions": 40,
        "outcomes": 3,
        "missing": 1,
        "intervals": 3,
        "coverage": pytest.approx(2 / 3),
    }
    out_of_sample = status(RETURN)["record"]["out_of_sample"]
    assert out_of_sample["rows"] == 100
    assert out_of_sample["comparisons"]["zero"]["p_value"] == 0.001
    assert not {"folds", "candidates"} & set(out_of_sample)
    # A model without intervals has no coverage, not one of nought.
    assert status(SECTOR)["record"]["live"]["coverage"] is None
    assert status(UNTRAINED)["record"] == {
        "out_of_sample": None,
        "live": dict.fromkeys(("predictions", "outcomes", "missing", "intervals"), 0)
        | {"coverage": None},
    }


def test_pages_hold_every_prediction_once_newest_first(api, disclosures):
    rows = listed(api)
    expected = {str(each) for each in disclosures.scalars(select(Prediction.id))}
    assert {row["id"] for row in rows} == expected
    assert len(rows) == len(expected)
    keys = [(row["as_of"], row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ({"model": RETURN}, lambda row: row.model == RETURN),
        ({"politician": "H000001"}, lambda row: row.politician_id == REPRESENTATIVE),
        ({"politician": str(FILER)}, lambda row: row.politician_id == FILER),
        ({"ticker": "aaa"}, lambda row: row.ticker == "AAA"),
        ({"sector": "Energy"}, lambda row: row.sector == "Energy"),
        (
            {"as_of_from": AS_OF + timedelta(days=2), "as_of_to": AS_OF + timedelta(days=4)},
            lambda row: timedelta(days=2) <= row.as_of - AS_OF <= timedelta(days=4),
        ),
        (
            {"state": "closed"},
            lambda row: row.outcome is not None or row.outcome_missing is not None,
        ),
        (
            {"state": "open", "ticker": "BBB"},
            lambda row: row.ticker == "BBB" and row.outcome is None and not row.outcome_missing,
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_filters_choose_predictions(api, disclosures, query, chosen):
    expected = {str(row.id) for row in disclosures.scalars(select(Prediction)) if chosen(row)}
    assert expected
    assert {row["id"] for row in listed(api, query)} == expected


def test_a_prediction_shows_interval_baselines_and_where_it_comes_from(api, disclosures):
    row = listed(api, {"model": RETURN, "state": "closed"})[-1]
    stored = disclosures.get(Prediction, uuid.UUID(row["id"]))
    for name in ("value", "lower", "upper", "baselines", "base_value", "dataset", "outcome"):
        assert row[name] == getattr(stored, name), name
    assert (row["version"], row["ticker"], row["sector"]) == (1, stored.ticker, None)
    shown = [each["value"] for each in row["attributions"]]
    assert shown == sorted(shown, key=abs, reverse=True)
    assert len(shown) < len(stored.attributions)
    assert math.fsum([*shown, row["attributions_rest"]]) == pytest.approx(
        sum(stored.attributions.values())
    )


@pytest.mark.parametrize("path", [PREDICTIONS, SIGNALS, CARDS, f"{CARDS}/{RETURN}"])
def test_answers_name_their_methods_and_what_they_are_not(api, path):
    document = api.get(path).json
    assert "no investment advice" in document["notice"]
    methods = all_methods()
    assert document["methods"]
    for method in document["methods"]:
        assert methods[method["id"]].version == method["version"]


def test_what_rests_on_made_up_data_says_so(api):
    assert api.get(PREDICTIONS).json["synthetic"] is True
    assert all(row["synthetic"] for row in api.get(SIGNALS).json["models"])


def test_a_signal_is_the_latest_open_prediction_of_ticker_and_model(api, disclosures):
    rows = listed(api, path=SIGNALS)
    latest = {}
    for row in disclosures.scalars(select(Prediction).where(Prediction.ticker.is_not(None))):
        if row.outcome is None and row.outcome_missing is None:
            latest.setdefault((row.ticker, row.model), []).append(row)
    assert {(row["ticker"], row["model"]) for row in rows} == set(latest)
    assert len(rows) == len(latest)
    for row in rows:
        same = latest[row["ticker"], row["model"]]
        newest = max(each.as_of for each in same)
        assert row["as_of"] == newest.isoformat()
        assert row["predictions"] == sum(each.as_of == newest for each in same)


def test_pages_hold_every_signal_once_newest_first(api):
    rows = listed(api, {"limit": 1}, SIGNALS)
    keys = [(row["as_of"], row["id"]) for row in rows]
    assert len(keys) == 2
    assert keys == sorted(keys, reverse=True)
    assert rows == api.get(SIGNALS).json["data"]


def test_a_signal_is_chosen_by_probability_and_not_by_return(api, disclosures):
    day = AS_OF + timedelta(days=60)
    for model in (RETURN, TICKER):
        disclosures.add_all(
            made_up_prediction(
                model,
                1,
                100 + k,
                politician_id=each,
                ticker="AAA",
                as_of=day,
                value=0.5 + k / 100,
                lower=0.0,
                upper=1.0,
            )
            for k, each in enumerate(PEOPLE)
        )
    disclosures.commit()
    with forgetting(disclosures):
        shown = {row["model"]: row for row in listed(api, {"ticker": "AAA"}, SIGNALS)}
        assert shown[TICKER]["value"] == 0.52
        assert shown[TICKER]["predictions"] == shown[RETURN]["predictions"] == 3
        ids = [made_up_prediction(RETURN, 1, 100 + k).id for k in range(3)]
        assert shown[RETURN]["id"] == str(min(ids))


@contextmanager
def forgetting(session):
    """Make cached answers invalid, as the data's next version does, and take later rows away."""
    bump(session)
    try:
        yield
    finally:
        session.execute(
            text("delete from predictions where as_of > :day"), {"day": AS_OF + timedelta(days=50)}
        )
        bump(session)


def bump(session):
    version = session.scalar(
        text("update data_version set version = version + 1 returning version")
    )
    session.commit()
    AnswerCache().announce(version)


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        (PREDICTIONS, {"model": "oracle"}, "query.model"),
        (PREDICTIONS, {"politician": "nobody"}, "query.politician"),
        (PREDICTIONS, {"as_of_from": "2026-13-01"}, "query.as_of_from"),
        (PREDICTIONS, {"state": "ajar"}, "query.state"),
        (PREDICTIONS, {"sector": "Magic"}, "query.sector"),
        (PREDICTIONS, {"cursor": "AAAA"}, "query.cursor"),
        (PREDICTIONS, {"surprise": 1}, "query.surprise"),
        (SIGNALS, {"limit": 0}, "query.limit"),
        (SIGNALS, {"ticker": "a b"}, "query.ticker"),
        (CARDS, {"surprise": 1}, "query.surprise"),
        (f"{CARDS}/{RETURN}", {"surprise": 1}, "query.surprise"),
    ],
)
def test_a_bad_parameter_is_a_problem_that_names_it(api, path, query, location):
    answer = api.get(path, query)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["location"] for error in answer.json["errors"]] == [location]


@pytest.mark.parametrize("path", [f"{CARDS}/oracle", f"{CARDS}/oracle/scorecard"])
def test_an_unknown_model_is_not_found(api, path):
    assert api.get(path).status == 404


def members(value):
    """The names of all members of a document, without the values."""
    if isinstance(value, dict):
        return {name: members(each) for name, each in value.items()}
    if isinstance(value, list):
        return [members(each) for each in value]
    return None


@pytest.mark.parametrize(
    ("path", "module", "name"),
    [
        (PREDICTIONS, "predictions", "PredictionPage"),
        (SIGNALS, "signals", "SignalPage"),
        (CARDS, "models", "ModelList"),
        (f"{CARDS}/{RETURN}", "models", "ModelCardAnswer"),
        (f"{CARDS}/{UNTRAINED}", "models", "ModelCardAnswer"),
        (f"{CARDS}/{RETURN}/scorecard", "models", "ScorecardAnswer"),
    ],
)
def test_answers_have_the_members_that_are_documented_and_no_others(api, path, module, name):
    model = getattr(importlib.import_module(f"{module}._models"), name)
    document = api.get(path).json
    assert members(model.model_validate(document).model_dump(mode="json")) == members(document)


def test_what_a_client_has_already_is_not_sent_again(api):
    for path in (PREDICTIONS, SIGNALS, CARDS, f"{CARDS}/{RETURN}", f"{CARDS}/{RETURN}/scorecard"):
        tag = api.get(path).headers["etag"]
        assert api.get(path, headers={"If-None-Match": tag}).status == 304


def test_the_card_of_a_champion_shows_evaluation_features_and_lineage(api):
    card = api.get(f"{CARDS}/{RETURN}").json["data"]
    assert card["evaluation"] == EVALUATION
    assert card["shown_version"]["version"] == card["version"] == 1
    assert card["shown_version"]["run"] == "run-1"
    assert card["shown_version"]["dataset"] == "v1-f1"
    assert len(card["shown_version"]["sha256"]) == 64
    declared = FEATURES[MODELS[RETURN].subject]
    assert [each["name"] for each in card["features"]] == [each.name for each in declared]
    assert all(each["formula"] and each["as_of_rule"] for each in card["features"])
    assert card["baselines"] == ["zero", "historical_mean", "ridge"]
    [event] = card["events"]
    assert (event["kind"], event["version"], event["by"]) == ("promoted", 1, "pipeline")


def test_the_card_of_a_refused_version_shows_why(api):
    card = api.get(f"{CARDS}/{REFUSED}").json["data"]
    assert (card["state"], card["version"]) == ("refused", None)
    assert card["shown_version"]["verdict"] == "refused"
    assert card["shown_version"]["reasons"] == [WHY]
    assert card["evaluation"] is not None
    assert [event["kind"] for event in card["events"]] == ["refused"]


def test_the_card_of_an_untrained_model_is_there(api):
    card = api.get(f"{CARDS}/{UNTRAINED}").json["data"]
    assert (card["state"], card["shown_version"], card["evaluation"]) == ("none", None, None)


# Administration


@pytest.fixture
def events(disclosures):
    """The events of a model: kind and version, the oldest first."""

    def find(model):
        rows = disclosures.execute(
            select(ModelEvent.kind, ModelEvent.version)
            .where(ModelEvent.model == model)
            .order_by(ModelEvent.id)
        )
        found = [(row.kind, row.version) for row in rows]
        disclosures.commit()
        return found

    return find


def test_only_administrators_decide(accounts):
    user = accounts.sign_in()
    for method, what, body in (
        ("POST", "promote", {"version": 1, "reason": "x"}),
        ("POST", "rollback", {"version": 1, "reason": "x"}),
        ("PUT", "switch", {"disabled": True, "reason": "x"}),
    ):
        assert user.call(method, f"{CARDS}/{RETURN}/{what}", body).status == 403


def test_a_refused_version_is_promoted_only_by_force_and_once(accounts, admin, events, status):
    path = f"{CARDS}/{REFUSED}/promote"
    body = {"version": 1, "reason": "To be watched."}
    assert admin.call("POST", path, body).status == 409
    assert events(REFUSED) == [("refused", 1)]
    answer = admin.call("POST", path, {**body, "force": True})
    assert (answer.status, answer.json["version"], answer.json["changed"]) == (200, 1, True)
    assert status(REFUSED)["state"] == "champion"
    again = admin.call("POST", path, {**body, "force": True})
    assert (again.status, again.json["changed"]) == (200, False)
    assert events(REFUSED) == [("refused", 1), ("promoted", 1)]
    assert accounts.audited(REFUSED) == [
        (
            AuditEvent.MODEL_PROMOTED,
            {
                "version": 1,
                "previous_version": None,
                "verdict": "refused",
                "reason": "To be watched.",
            },
        )
    ]
    # There is no way back from the first.
    back = admin.call("POST", f"{CARDS}/{REFUSED}/rollback", {"version": 1, "reason": "No good."})
    assert back.status == 409


def test_the_kill_switch_shows_at_once_and_takes_predictions_away(
    api, accounts, admin, events, status
):
    path = f"{CARDS}/{SECTOR}/switch"
    before = listed(api, {"model": SECTOR})
    assert before
    off = {"disabled": True, "reason": "Sectors are wrong."}
    assert admin.call("PUT", path, off).json["changed"] is True
    assert admin.call("PUT", path, off).json["changed"] is False
    document = api.get(PREDICTIONS, {"model": SECTOR}).json
    assert document["data"] == []
    [model] = document["models"]
    assert model["state"] == "disabled"
    assert "Sectors are wrong." in model["reason"]
    assert not any(row["model"] == SECTOR for row in listed(api))
    on = {"disabled": False, "reason": "Mended."}
    assert admin.call("PUT", path, on).json["changed"] is True
    assert listed(api, {"model": SECTOR}) == before
    assert status(SECTOR)["state"] == "champion"
    assert events(SECTOR) == [("promoted", 1), ("disabled", 1), ("enabled", 1)]
    assert [event for event, _ in accounts.audited(SECTOR)] == [AuditEvent.MODEL_SWITCHED] * 2


def test_a_roll_back_is_recorded_and_repeated_without_effect(
    api, disclosures, accounts, admin, events
):
    assert publish(disclosures, RETURN, "run-2") == 2
    disclosures.add(
        made_up_prediction(
            RETURN,
            2,
            200,
            politician_id=SENATOR,
            ticker="AAA",
            as_of=AS_OF + timedelta(days=40),
            value=0.2,
            lower=0.1,
            upper=0.3,
        )
    )
    disclosures.commit()
    bump(disclosures)
    assert {row["version"] for row in listed(api, {"ticker": "AAA"}, SIGNALS)} == {2}
    path, body = f"{CARDS}/{RETURN}/rollback", {"version": 2, "reason": "Worse than it looked."}
    answer = admin.call("POST", path, body)
    assert (answer.json["version"], answer.json["changed"]) == (1, True)
    again = admin.call("POST", path, body)
    assert (again.status, again.json["version"], again.json["changed"]) == (200, 1, False)
    # What was rolled back gives no signals, and stays on record.
    assert {row["version"] for row in listed(api, {"ticker": "AAA"}, SIGNALS)} == {1}
    assert 2 in {row["version"] for row in listed(api, {"model": RETURN})}
    assert events(RETURN) == [("promoted", 1), ("promoted", 2), ("rolled_back", 1)]
    assert [event for event, _ in accounts.audited(RETURN)] == [AuditEvent.MODEL_ROLLED_BACK]
    card = api.get(f"{CARDS}/{RETURN}").json["data"]
    assert card["events"][0] == {
        "kind": "rolled_back",
        "version": 1,
        "previous_version": 2,
        "reason": "Worse than it looked.",
        "by": "administrator",
        "occurred_at": card["events"][0]["occurred_at"],
    }
    assert [each["version"] for each in card["versions"]] == [2, 1]


def test_a_decision_that_cannot_be_recorded_is_not_carried_out(
    accounts, admin, events, status, monkeypatch
):
    def fail(*_args, **_kwargs):
        raise RuntimeError

    before = events(COUNT)
    with monkeypatch.context() as patch:
        patch.setattr(audit, "record", fail)
        answer = admin.call(
            "PUT", f"{CARDS}/{COUNT}/switch", {"disabled": True, "reason": "A trial."}
        )
    assert answer.status == 500
    assert events(COUNT) == before
    assert accounts.audited(COUNT) == []
    assert status(COUNT)["state"] == "champion"


@pytest.mark.parametrize(
    ("method", "model", "what", "body", "expected"),
    [
        ("POST", "oracle", "promote", {"version": 1, "reason": "x"}, 404),
        ("POST", RETURN, "promote", {"version": 9, "reason": "x"}, 404),
        ("POST", UNTRAINED, "rollback", {"version": 1, "reason": "x"}, 404),
        ("PUT", UNTRAINED, "switch", {"disabled": True, "reason": "x"}, 404),
        ("POST", RETURN, "promote", {"version": 1}, 422),
        ("POST", RETURN, "promote", {"version": "1", "reason": "x"}, 422),
        ("POST", RETURN, "promote", {"version": 1, "reason": "  "}, 422),
        ("POST", RETURN, "promote", {"version": 2**31, "reason": "x"}, 422),
        ("POST", RETURN, "promote", {"version": 1, "reason": "x", "force": "yes"}, 422),
        ("PUT", RETURN, "switch", {"disabled": 1, "reason": "x"}, 422),
        ("PUT", RETURN, "switch", {"disabled": True, "reason": "a\u0000b"}, 422),
    ],
)
def test_what_cannot_be_decided_is_a_problem(admin, method, model, what, body, expected):
    answer = admin.call(method, f"{CARDS}/{model}/{what}", body)
    assert answer.status == expected, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
