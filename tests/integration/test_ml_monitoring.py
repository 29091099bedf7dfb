"""Outcomes are joined to stored predictions once, and the record says what they were worth."""

import uuid
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
import pytest
from backtest_support import trading_days
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.pool import NullPool
from tests.integration.conftest import FILER, REPRESENTATIVE, SENATOR

from quant.db.ml_models import Champion, ModelVersion, Prediction
from quant.db.models import Price, Ticker
from quant.errors import NotFoundError
from quant.ml import compare
from quant.ml.catalogue import KEYS, MODELS
from quant.ml.features.frame import Frame
from quant.ml.monitoring import outcomes
from quant.ml.monitoring.performance import performance
from quant.ml.monitoring.scorecard import scorecard

RETURN = "abnormal-return-21"
SECTOR = "trades-sector-next-month"
DATASET = "v1-f1"
DAYS = trading_days(120, "2021-01-04")
DISCLOSED_THROUGH = date(2020, 2, 15)
# Prices of AAA last, those of BBB end.
ENDED = DAYS[60]


@pytest.fixture(scope="module")
def engine(database, disclosures):
    """An engine of the application's role, to trades, prices and two versions of two models."""
    disclosures.execute(
        text(
            "create table if not exists prices_2021 partition of prices for values from"
            " ('2021-01-01') to ('2022-01-01')"
        )
    )
    disclosures.add(Ticker(symbol="SP500"))
    disclosures.flush()
    for ticker in ("SP500", "AAA", "BBB"):
        disclosures.execute(
            insert(Price),
            [
                {"ticker": ticker, "day": day, "close": 1, "adjusted_close": 1, "source": "test"}
                for day in DAYS.tolist()
                if ticker != "BBB" or day <= ENDED.item()
            ],
        )
    for model in (RETURN, SECTOR):
        for version in (1, 2):
            disclosures.add(
                ModelVersion(
                    model=model,
                    version=version,
                    run=f"run-{version}",
                    sha256=f"{version}" * 64,
                    dataset=DATASET,
                    trained_through=date(2020, 12, 31),
                    verdict="accepted",
                    evaluation={},
                    synthetic=version == 2,
                )
            )
    disclosures.commit()
    engine = create_engine(database.url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine):
    """A transaction that is rolled back, without predictions."""
    with engine.connect() as connection:
        yield connection


def prediction(as_of, politician=SENATOR, ticker="AAA", **changes):
    return {
        "id": uuid.uuid4(),
        "model": RETURN,
        "version": 1,
        "as_of": as_of,
        "politician_id": politician,
        "ticker": ticker,
        "sector": None,
        "closes_on": None,
        "value": 0.01,
        "lower": -0.1,
        "upper": 0.1,
        "baselines": {"zero": 0.0, "historical_mean": 0.005, "ridge": 0.02},
        "base_value": 0.0,
        "attributions": {"size": 0.01},
        "dataset": DATASET,
        "made_at": datetime.combine(as_of, time(12), UTC),
        "outcome": None,
        "outcome_on": None,
        "outcome_missing": None,
        **changes,
    }


def store(connection, *rows):
    connection.execute(insert(Prediction), list(rows))


def stored(connection):
    rows = connection.execute(select(*Prediction.__table__.columns)).mappings()
    return {row["id"]: dict(row) for row in rows}


def features(monkeypatch, model, rows):
    """Let the features be rows of (as_of, key, outcome, day it was known), in any order."""
    spec = MODELS[model]
    frame = Frame(
        subject=spec.subject,
        dataset=DATASET,
        as_of=np.array([row[0] for row in rows], dtype="datetime64[D]"),
        keys={
            name: np.array([str(row[1][place]) for row in rows], dtype=np.str_)
            for place, name in enumerate(KEYS[spec.subject])
        },
        names=(),
        x=np.empty((len(rows), 0)),
        labels={spec.label: np.array([row[2] for row in rows], dtype=np.float64)},
        known_on={spec.label: np.array([row[3] for row in rows], dtype="datetime64[D]")},
    )

    def read(objects, dataset, subject, *, first=None, last=None):
        assert (dataset, subject) == (DATASET, spec.subject)
        return frame.take(
            (frame.as_of >= np.datetime64(first)) & (frame.as_of <= np.datetime64(last))
        )

    facts = {"trading_days_through": str(DAYS[-1]), "disclosed_through": str(DISCLOSED_THROUGH)}
    monkeypatch.setattr(outcomes, "read", read)
    monkeypatch.setattr(outcomes, "manifest_of", lambda *_: facts)


def window_end(as_of):
    """The 21st trading day after the first one after the disclosure."""
    return DAYS[np.datetime64(as_of) < DAYS][21].item()


def day(number):
    return DAYS[number].item()


def join(connection, model=RETURN):
    return outcomes.join(connection, None, DATASET, model).document()


def test_an_outcome_goes_to_the_prediction_of_its_subject_and_day(connection, monkeypatch):
    own, later, other = (
        prediction(day(5)),
        prediction(day(6)),
        prediction(day(5), REPRESENTATIVE),
    )
    store(connection, own, later, other)
    features(
        monkeypatch,
        RETURN,
        [
            (day(6), (SENATOR, "AAA"), 0.02, window_end(day(6))),
            (day(5), (REPRESENTATIVE, "AAA"), 0.03, window_end(day(5))),
            (day(5), (FILER, "AAA"), 0.04, window_end(day(5))),
            (day(5), (SENATOR, "BBB"), 0.05, window_end(day(5))),
            (day(5), (SENATOR, "AAA"), 0.01, window_end(day(5))),
        ],
    )
    assert join(connection) == {"closed": 3, "missing": 0, "open": 0, "differing": 0}
    rows = stored(connection)
    for before, outcome in ((own, 0.01), (later, 0.02), (other, 0.03)):
        ended = window_end(before["as_of"])
        assert rows[before["id"]] == {
            **before,
            "closes_on": ended,
            "outcome": outcome,
            "outcome_on": ended,
        }


def test_joining_again_changes_nothing(connection, monkeypatch):
    store(connection, prediction(day(5)), prediction(day(10), ticker="BBB"), prediction(day(119)))
    rows = [
        (day(5), (SENATOR, "AAA"), 0.01, window_end(day(5))),
        (day(119), (SENATOR, "AAA"), np.nan, None),
    ]
    features(monkeypatch, RETURN, rows)
    assert join(connection) == {"closed": 1, "missing": 1, "open": 1, "differing": 0}
    first = stored(connection)
    assert join(connection) == {"closed": 0, "missing": 0, "open": 1, "differing": 0}
    assert stored(connection) == first


def test_the_day_a_window_ends_is_stored_once_it_is_known(connection, monkeypatch):
    ended, unknown = prediction(day(90)), prediction(day(98))
    store(connection, ended, unknown)
    features(
        monkeypatch,
        RETURN,
        [(each["as_of"], (SENATOR, "AAA"), np.nan, None) for each in (ended, unknown)],
    )
    # The last trading day is 119: the window of the 98th would end on the 120th.
    assert join(connection) == {"closed": 0, "missing": 0, "open": 2, "differing": 0}
    rows = stored(connection)
    assert rows[ended["id"]] == {**ended, "closes_on": day(112)}
    assert rows[unknown["id"]] == unknown


@pytest.mark.parametrize(
    ("as_of", "ticker", "in_features", "reason"),
    [
        (day(45), "BBB", True, f"the stock's prices end on {ENDED}"),
        (day(5), "AAA", False, "the data no longer hold what was predicted of"),
        (day(5), "AAA", True, "the data do not hold the whole window"),
    ],
)
def test_a_missing_outcome_has_a_reason(
    connection, monkeypatch, as_of, ticker, in_features, reason
):
    store(connection, prediction(as_of, ticker=ticker))
    rows = [(as_of, (SENATOR, ticker), np.nan, None)] if in_features else []
    features(monkeypatch, RETURN, rows)
    assert join(connection) == {"closed": 0, "missing": 1, "open": 0, "differing": 0}
    (row,) = stored(connection).values()
    assert row["outcome_missing"] == reason
    assert row["outcome"] is None


def test_nothing_is_missing_within_the_time_of_grace(connection, monkeypatch):
    last = DAYS[-1].item()
    on_time = max(d for d in DAYS.tolist() if last - window_or_late(d, last) > timedelta(days=30))
    waiting = DAYS[np.datetime64(on_time) < DAYS][0].item()
    assert last - window_end(waiting) <= timedelta(days=30)
    store(connection, prediction(on_time), prediction(waiting))
    features(monkeypatch, RETURN, [])
    assert join(connection) == {"closed": 0, "missing": 1, "open": 1, "differing": 0}


def window_or_late(as_of, last):
    return window_end(as_of) if (np.datetime64(as_of) < DAYS).sum() > 21 else last


def test_what_was_missing_is_filled_in_when_it_is_known(connection, monkeypatch):
    store(connection, prediction(day(5), outcome_missing="the stock's prices end on 2021-01-12"))
    features(monkeypatch, RETURN, [(day(5), (SENATOR, "AAA"), 0.01, window_end(day(5)))])
    assert join(connection)["closed"] == 1
    (row,) = stored(connection).values()
    assert (row["outcome"], row["outcome_missing"]) == (0.01, None)


def test_a_stored_outcome_stays_and_a_correction_is_seen(connection, monkeypatch, caplog):
    ended = window_end(day(85))
    closed = prediction(day(85), outcome=0.01, outcome_on=ended, closes_on=ended)
    same = prediction(day(86), outcome=0.01, outcome_on=ended, closes_on=ended)
    store(connection, closed, same)
    features(
        monkeypatch,
        RETURN,
        [
            (day(85), (SENATOR, "AAA"), 0.5, ended),
            (day(86), (SENATOR, "AAA"), 0.01 + 1e-9, ended),
        ],
    )
    with caplog.at_level("WARNING", "quant"):
        assert join(connection) == {"closed": 0, "missing": 0, "open": 0, "differing": 1}
    assert [record.event for record in caplog.records] == [outcomes.OUTCOMES_DIFFER]
    assert stored(connection) == {row["id"]: row for row in (closed, same)}


def test_a_month_closes_45_days_after_the_next_one(connection, monkeypatch):
    as_of = date(2020, 1, 31)
    row = prediction(
        as_of, model=SECTOR, ticker=None, sector="Energy", value=0.3, lower=None, upper=None
    )
    store(connection, row)
    features(monkeypatch, SECTOR, [(as_of, (SENATOR, "Energy"), np.nan, None)])
    assert join(connection, SECTOR) == {"closed": 0, "missing": 0, "open": 1, "differing": 0}
    assert stored(connection)[row["id"]]["closes_on"] == date(2020, 4, 14)
    features(monkeypatch, SECTOR, [(as_of, (SENATOR, "Energy"), 1.0, date(2020, 4, 14))])
    assert join(connection, SECTOR)["closed"] == 1
    assert stored(connection)[row["id"]]["outcome"] == 1.0


def history(rng, weeks=70, a_week=4):
    """Predictions of two versions: a tenth stored late, some missing, the last weeks open."""
    rows = []
    for number in range(weeks * a_week):
        as_of = date(2021, 3, 1) + timedelta(days=7 * (number // a_week) + number % a_week)
        ended = as_of + timedelta(days=32)
        value = float(rng.normal(0, 0.02))
        late = number % 10 == 9
        made = ended if number % 20 == 19 else as_of + timedelta(days=12 if late else number % 8)
        open_ = number >= (weeks - 4) * a_week
        missing = number % 17 == 3 and not open_
        outcome = None if open_ or missing else value + float(rng.normal(0, 0.08))
        rows.append(
            prediction(
                as_of,
                (SENATOR, REPRESENTATIVE, FILER)[number % 3],
                "AAA" if number % 2 else "BBB",
                version=1 if number < 120 else 2,
                value=value,
                lower=value - 0.13,
                upper=value + 0.13,
                closes_on=ended,
                made_at=datetime.combine(made, time(23, 30), UTC),
                outcome=outcome,
                outcome_on=None if outcome is None else ended,
                outcome_missing="the stock's prices end on 2021-03-30" if missing else None,
            )
        )
    return rows


def as_frame(rows):
    frame = pd.DataFrame(rows)
    made = pd.to_datetime(frame.made_at).dt.date
    frame["ahead"] = [
        (m - a).days <= 7 and m < c
        for m, a, c in zip(made, frame.as_of, frame.closes_on, strict=True)
    ]
    return frame


def test_the_scorecard_is_what_pandas_makes_of_the_rows(connection):
    rows = history(np.random.Generator(np.random.PCG64(5)))
    store(connection, *rows)
    connection.execute(insert(Champion).values(model=RETURN, version=2))
    frame = as_frame(rows)
    ahead = frame[frame.ahead]
    document = scorecard(connection, RETURN)
    data = document["data"]

    assert data["excluded"]["stored_late"] == int((~frame.ahead).sum()) > 20
    for block, own in (
        (data["overall"], ahead),
        (data["versions"][0], ahead[ahead.version == 1]),
        (data["versions"][1], ahead[ahead.version == 2]),
    ):
        closed = own[own.outcome.notna()]
        assert block["predictions"] == len(own)
        assert block["closed"] == len(closed)
        assert block["missing"] == int(own.outcome_missing.notna().sum())
        assert block["open"] == len(own) - len(closed) - block["missing"]
        assert block["first_as_of"] == own.as_of.min()
        assert block["last_as_of"] == own.as_of.max()

    closed = ahead[ahead.outcome.notna()]
    overall = data["overall"]
    assert overall["enough"]
    loss = (closed.outcome - closed.value) ** 2
    assert overall["mean_loss"] == pytest.approx(loss.mean(), rel=1e-12)
    inside = closed.outcome.between(closed.lower, closed.upper)
    assert overall["coverage"]["value"] == pytest.approx(inside.mean(), rel=1e-12)
    assert overall["coverage"]["lower"] < inside.mean() < overall["coverage"]["upper"]
    clusters, overlap = compare.periods(
        MODELS[RETURN], closed.as_of.to_numpy().astype("datetime64[D]")
    )
    for each in overall["baselines"]:
        other = (closed.outcome - closed.baselines.str[each["name"]]) ** 2
        assert each["mean_loss"] == pytest.approx(other.mean(), rel=1e-12)
        assert each["difference"] == pytest.approx((other - loss).mean(), rel=1e-9)
        assert each["skill"]["value"] == pytest.approx(1 - loss.mean() / other.mean(), rel=1e-9)
        expected = compare.paired(loss.to_numpy(), other.to_numpy(), clusters, overlap=overlap)
        assert each["p_value"] == pytest.approx(expected.p_value, rel=1e-9)
        assert each["n"] == len(closed)
    assert data["statement"].startswith("The predictions")
    assert overall["calibration"] is None

    months = ahead.assign(month=ahead.as_of.astype(str).str[:7], loss=loss).groupby("month")
    assert [each["month"] for each in data["months"]] == list(months.groups)
    for each, (_, own) in zip(data["months"], months, strict=True):
        assert each["predictions"] == len(own)
        assert each["closed"] == int(own.outcome.notna().sum())
        if each["closed"]:
            assert each["mean_loss"] == pytest.approx(own.loss.mean(), rel=1e-9)
        else:
            assert each["mean_loss"] is None
    assert document["synthetic"] is True
    assert data["champion"]["version"] == 2
    assert data["performance"] == performance(connection, RETURN, 2)
    assert data["performance"]["n"] == data["versions"][1]["closed"]


def test_of_two_predictions_of_the_same_the_one_stored_first_counts(connection):
    rows = [
        prediction(day(5), made_at=datetime(2021, 1, 13, 12, tzinfo=UTC), version=1),
        prediction(day(5), made_at=datetime(2021, 1, 12, 12, tzinfo=UTC), version=2, value=0.02),
    ]
    store(connection, *rows)
    data = scorecard(connection, RETURN)["data"]
    assert data["overall"]["predictions"] == 1
    assert [each["predictions"] for each in data["versions"]] == [1, 1]


def test_a_prediction_stored_on_the_day_of_its_outcome_does_not_count(connection):
    as_of = day(5)
    made = datetime.combine(as_of + timedelta(days=3), time(1), UTC)
    on_the_day = prediction(
        as_of, made_at=made, outcome=0.1, outcome_on=made.date(), closes_on=made.date()
    )
    the_day_before = prediction(
        as_of,
        REPRESENTATIVE,
        made_at=made,
        outcome=0.1,
        outcome_on=made.date() + timedelta(days=1),
        closes_on=made.date() + timedelta(days=1),
    )
    store(connection, on_the_day, the_day_before)
    data = scorecard(connection, RETURN)["data"]
    assert data["overall"]["closed"] == 1
    assert data["excluded"]["stored_late"] == 1


def test_few_outcomes_are_not_enough(connection):
    store(connection, *history(np.random.Generator(np.random.PCG64(5)), weeks=20))
    data = scorecard(connection, RETURN)["data"]
    closed = data["overall"]["closed"]
    assert 0 < closed < 100
    assert data["overall"]["enough"] is False
    assert data["overall"]["baselines"] == []
    assert data["overall"]["mean_loss"] is None
    assert f"Not enough yet: {closed} outcomes are known, and 100 are needed." in data["statement"]


def test_many_outcomes_of_one_week_are_not_enough(connection):
    rows = [
        prediction(
            day(5) + timedelta(days=number % 5),
            (SENATOR, REPRESENTATIVE, FILER)[number % 3],
            f"T{number}",
            outcome=0.01,
            outcome_on=day(40),
            closes_on=day(40),
        )
        for number in range(150)
    ]
    connection.execute(insert(Ticker).values([{"symbol": row["ticker"]} for row in rows]))
    store(connection, *rows)
    data = scorecard(connection, RETURN)["data"]
    assert data["overall"]["closed"] == 150
    assert data["overall"]["enough"] is False
    assert "too short a time" in data["statement"]


def test_the_scorecard_shows_the_kill_switch(connection):
    connection.execute(
        insert(Champion).values(model=RETURN, version=1, disabled=True, disabled_reason="recall")
    )
    document = scorecard(connection, RETURN)
    assert document["data"]["champion"]["disabled"] is True
    assert document["data"]["champion"]["disabled_reason"] == "recall"
    assert document["data"]["statement"].startswith("The model is switched off")
    assert document["synthetic"] is False


def test_a_model_without_champion_has_an_empty_scorecard(connection):
    document = scorecard(connection, RETURN)
    assert document["data"]["champion"] is None
    assert document["data"]["overall"]["predictions"] == 0
    assert document["data"]["statement"].startswith("No version of the model has been promoted")


def test_there_is_no_scorecard_of_an_unknown_model(connection):
    with pytest.raises(NotFoundError):
        scorecard(connection, "alpha")


def test_probabilities_are_calibrated_where_they_come_true_as_often_as_said(connection):
    rng = np.random.Generator(np.random.PCG64(7))
    rows = []
    for month in range(48):
        as_of = date(2017 + month // 12, 1 + month % 12, 1) - timedelta(days=1)
        for sector in range(8):
            p = float(rng.uniform(0.05, 0.95))
            rows.append(
                prediction(
                    as_of,
                    model=SECTOR,
                    ticker=None,
                    sector=f"sector {sector}",
                    value=p,
                    lower=None,
                    upper=None,
                    baselines={"historical_mean": 0.5, "subject_rate": 0.5, "logistic": p},
                    outcome=float(rng.random() < p),
                    outcome_on=as_of + timedelta(days=75),
                    closes_on=as_of + timedelta(days=75),
                )
            )
    store(connection, *rows)
    data = scorecard(connection, SECTOR)["data"]
    overall = data["overall"]
    assert overall["coverage"] is None
    assert overall["loss"] == "log_loss"
    assert sum(each["rows"] for each in overall["calibration"]["bins"]) == len(rows)
    assert overall["calibration"]["value"] < 0.1
    beaten = {each["name"]: each["beaten"] for each in overall["baselines"]}
    assert beaten == {"historical_mean": True, "subject_rate": True, "logistic": False}
