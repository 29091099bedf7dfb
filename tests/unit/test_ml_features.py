"""Features beside the same made otherwise: counted row by row, and by the event study."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ml_feature_support import BENCHMARK, DATASET, synthetic_tables, write_snapshot

from quant.analytics.arrays import PricePanel, TradeArrays
from quant.analytics.ensemble.counts import weekly_counts
from quant.analytics.performance.event_study import abnormal_returns
from quant.analytics.performance.vocabulary import Event, Model
from quant.collectors.bucket import DamagedObjectError
from quant.errors import NotFoundError
from quant.ml.catalogue import KEYS, MODELS, Subject
from quant.ml.features import document
from quant.ml.features.build import build
from quant.ml.features.declared import FEATURES
from quant.ml.features.read import read
from quant.ml.features.rows import ROWS
from quant.ml.objects import Folder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ml" / "features.md"
SEATS_SINCE = date(2019, 6, 3)
DAYS = "timedelta64[D]"


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables()


@pytest.fixture(scope="module")
def objects(tables, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("objects"))
    write_snapshot(folder, tables, seats_since=SEATS_SINCE)
    build(folder, DATASET)
    return folder


@pytest.fixture(scope="module")
def frames(objects):
    return {subject: read(objects, DATASET, subject) for subject in Subject}


@pytest.fixture(scope="module")
def trades(tables):
    trades = tables["trades"].merge(tables["tickers"], on="ticker", how="left")
    for column in ("transaction_date", "disclosure_date"):
        trades[column] = trades[column].to_numpy().astype("datetime64[D]").astype(object)
    return trades


def rows(frame, step=37):
    """Every so many rows: place, day, and keys."""
    for place in range(0, len(frame), step):
        yield (
            place,
            frame.as_of[place].item(),
            {name: str(column[place]) for name, column in frame.keys.items()},
        )


def of(trades, keys):
    """The trades with these keys."""
    chosen = np.ones(len(trades), dtype=bool)
    for name, value in keys.items():
        chosen &= (trades[name] == value).to_numpy()
    return trades[chosen]


def within(trades, day, days):
    """The trades disclosed in the days up to one."""
    return trades[
        (trades.disclosure_date <= day) & (trades.disclosure_date > day - timedelta(days=days))
    ]


def test_the_page_shows_what_is_declared():
    _, _, rest = PAGE.read_text().partition(document.START)
    shown, _, _ = rest.partition(document.END)
    assert shown.strip() == document.markdown().strip(), (
        "write it anew: python -m quant.ml.features.document docs/ml/features.md"
    )


@pytest.mark.parametrize("subject", Subject)
def test_names_are_those_of_columns_no_two_alike(subject):
    labels = ROWS[subject].labels
    names = [feature.name for feature in FEATURES[subject]]
    taken = [*names, *KEYS[subject], *labels, "as_of", "synthetic"]
    assert len(set(taken)) == len(taken)
    assert all(feature.categories for feature in FEATURES[subject] if feature.kind == "category")


def test_every_model_has_its_outcome():
    for spec in MODELS.values():
        assert spec.label in ROWS[spec.subject].labels


@pytest.mark.parametrize("subject", Subject)
def test_frames_have_the_declared_columns_in_order(subject, frames):
    frame = frames[subject]
    assert frame.names == tuple(feature.name for feature in FEATURES[subject])
    assert frame.x.shape == (len(frame), len(frame.names))
    assert len(frame) > 100
    order = list(zip(frame.as_of, *(frame.keys[key] for key in KEYS[subject]), strict=True))
    assert order == sorted(set(order))


@pytest.mark.parametrize("subject", Subject)
def test_every_feature_is_known_somewhere_and_varies(subject, frames):
    frame = frames[subject]
    for feature in FEATURES[subject]:
        column = frame.column(feature.name)
        known = column[np.isfinite(column)]
        assert len(np.unique(known)) > 1, feature.name
        if feature.kind != "number":
            assert set(known) <= set(range(len(feature.categories) or 2)), feature.name


@pytest.mark.parametrize("subject", Subject)
def test_outcomes_are_known_after_their_row_or_not_at_all(subject, frames):
    frame = frames[subject]
    for label, values in frame.labels.items():
        known = ~np.isnat(frame.known_on[label])
        assert 0 < known.sum() < len(frame)
        np.testing.assert_array_equal(np.isfinite(values), known)
        assert (frame.known_on[label][known] > frame.as_of[known]).all()


def test_counts_of_a_disclosure_are_those_counted_one_by_one(frames, trades):
    frame = frames[Subject.DISCLOSURE]
    for place, day, keys in rows(frame):
        value = dict(zip(frame.names, frame.x[place], strict=True))
        person, ticker = {"politician_id": keys["politician_id"]}, {"ticker": keys["ticker"]}
        own = of(trades, keys)
        lines = own[(own.disclosure_date == day) & own.stock & (own.side != 0)]
        assert value["lines"] == len(lines)
        assert value["side"] == pytest.approx(lines.side.sum() / len(lines))
        assert value["log_amount"] == pytest.approx(np.log(lines.amount.sum()))
        lags = [each.days for each in lines.disclosure_date - lines.transaction_date]
        assert value["disclosure_lag"] == pytest.approx(np.mean(lags))
        everything = of(trades, person)
        assert value["lines_that_day"] == (everything.disclosure_date == day).sum()
        for days in (30, 90, 365):
            assert value[f"politician_trades_{days}"] == len(within(everything, day, days))
        year = within(everything, day, 365).side.value_counts()
        purchases, sales = year.get(1, 0), year.get(-1, 0)
        assert value["politician_purchase_share_365"] == purchases / (purchases + sales)
        assert value["pair_trades_365"] == len(within(own, day, 365))
        earlier = own.disclosure_date[own.disclosure_date < day]
        since = (day - earlier.max()).days if len(earlier) else np.nan
        np.testing.assert_equal(value["days_since_pair"], since)
        others = of(trades, ticker)
        others = others[others.politician_id != keys["politician_id"]]
        for days in (30, 90):
            assert value[f"others_trades_{days}"] == len(within(others, day, days))
        assert value["others_net_90"] == within(others, day, 90).side.sum()
        assert value["month"] == day.month


def test_every_disclosed_stock_with_a_price_by_then_has_a_row(frames, trades, tables):
    first = tables["prices"].groupby("ticker").day.min().dt.date
    wanted = trades[trades.stock & (trades.side != 0) & trades.ticker.isin(first.index)]
    wanted = wanted[wanted.disclosure_date >= wanted.ticker.map(first)]
    frame = frames[Subject.DISCLOSURE]
    assert set(
        zip(frame.keys["politician_id"], frame.keys["ticker"], frame.as_of.tolist(), strict=True)
    ) == set(zip(wanted.politician_id, wanted.ticker, wanted.disclosure_date, strict=True))


def closes(tables):
    """Closes by trading day and ticker."""
    wide = tables["prices"].pivot(index="day", columns="ticker", values="close")
    return wide[wide[BENCHMARK].notna()]


def test_market_features_are_those_of_pandas(frames, tables):
    wide = closes(tables)
    frame = frames[Subject.DISCLOSURE]
    known = 0
    for place, day, keys in rows(frame, 5):
        until = wide[: str(day)]
        own = until[keys["ticker"]]
        last = own.last_valid_index()
        row = until.index.get_loc(last)
        fresh = (pd.Timestamp(day) - last).days <= 7
        returns = np.log(own).diff()
        for days in (21, 63, 126, 252):
            expected = own.iloc[row] / own.iloc[row - days] - 1 if fresh and row >= days else np.nan
            found = frame.column(f"momentum_{days}")[place]
            np.testing.assert_allclose(found, expected, rtol=1e-12)
            known += np.isfinite(found)
        for days in (21, 63):
            window = returns.iloc[max(row - days + 1, 0) : row + 1].dropna()
            enough = fresh and len(window) >= 2 * days / 3
            np.testing.assert_allclose(
                frame.column(f"volatility_{days}")[place],
                window.std() if enough else np.nan,
                rtol=1e-8,
            )
        benchmark = until[BENCHMARK]
        fresh = (pd.Timestamp(day) - benchmark.index[-1]).days <= 7
        np.testing.assert_allclose(
            frame.column("benchmark_return_63")[place],
            benchmark.iloc[-1] / benchmark.iloc[-64] - 1 if fresh else np.nan,
            rtol=1e-12,
        )
    assert known > 100


def test_outcomes_of_a_disclosure_are_those_of_the_event_study(frames, tables):
    frame = frames[Subject.DISCLOSURE]
    wide = closes(tables)
    tickers = tuple(sorted(set(frame.keys["ticker"].tolist())))
    n = len(frame)
    events = TradeArrays(
        politician=np.zeros(n, dtype=np.int64),
        ticker=np.searchsorted(np.array(tickers), frame.keys["ticker"]),
        side=np.ones(n, dtype=np.int64),
        transaction_day=frame.as_of,
        disclosure_day=frame.as_of,
        amount_min=np.ones(n),
        amount_max=np.ones(n),
    )
    days = wide.index.to_numpy().astype("datetime64[D]")
    panel = PricePanel(
        days, tickers, wide[list(tickers)].to_numpy(), BENCHMARK, wide[BENCHMARK].to_numpy()
    )
    study = abnormal_returns(
        events, panel, event=Event.DISCLOSURE, model=Model.MARKET_ADJUSTED, horizons=(21, 63)
    )
    for place, horizon in enumerate((21, 63)):
        label = f"abnormal_return_{horizon}"
        found = frame.labels[label]
        np.testing.assert_allclose(found, study.bhar[:, place], rtol=0, atol=1e-12)
        known = np.isfinite(found)
        assert 100 < known.sum() < n
        np.testing.assert_array_equal(
            frame.known_on[label][known], days[study.entry[known] + horizon]
        )


def test_past_returns_are_those_known_by_then(frames):
    frame = frames[Subject.DISCLOSURE]
    outcome, known_on = frame.labels["abnormal_return_21"], frame.known_on["abnormal_return_21"]
    side = np.sign(frame.column("side"))
    person = frame.keys["politician_id"]
    for place in range(0, len(frame), 11):
        past = (person == person[place]) & (known_on <= frame.as_of[place]) & (side != 0)
        expected = (outcome * side)[past].mean() if past.sum() >= 5 else np.nan
        np.testing.assert_allclose(
            frame.column("politician_abnormal_return_21")[place], expected, atol=2e-9
        )


@pytest.mark.parametrize(
    ("subject", "thing"), [(Subject.TICKER_PAIR, "ticker"), (Subject.SECTOR_PAIR, "sector")]
)
def test_pairs_are_counted_one_by_one(subject, thing, frames, trades):
    frame = frames[subject]
    through = trades.disclosure_date.max()
    step = len(frame) // 60
    for place, day, keys in rows(frame, step):
        value = dict(zip(frame.names, frame.x[place], strict=True))
        own = of(trades, keys)
        known = own[own.disclosure_date <= day]
        for days in (30, 90, 365, 730):
            assert value[f"pair_trades_{days}"] == len(within(own, day, days))
        assert value["pair_trades_730"] > 0
        year = within(own, day, 365)
        assert value["pair_disclosures_365"] == year.disclosure_date.nunique()
        assert value["pair_net_365"] == year.side.sum()
        assert value["pair_log_amount_365"] == pytest.approx(np.log1p(year.amount.sum()))
        assert value["days_since_pair"] == (day - known.disclosure_date.max()).days
        assert value["days_since_trade"] == (day - known.transaction_date.max()).days
        others = trades[
            (trades[thing] == keys[thing]) & (trades.politician_id != keys["politician_id"])
        ]
        assert value["others_trades_90"] == len(within(others, day, 90))
        first = day + timedelta(days=1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        deadline = last + timedelta(days=45)
        in_month = own[(own.transaction_date >= first) & (own.transaction_date <= last)]
        traded = (in_month.disclosure_date <= deadline).any()
        expected = float(traded) if deadline <= through else np.nan
        np.testing.assert_equal(frame.labels["trades_next_month"][place], expected)
        if deadline <= through:
            assert frame.known_on["trades_next_month"][place].item() == deadline


@pytest.mark.parametrize(
    ("subject", "thing"), [(Subject.TICKER_PAIR, "ticker"), (Subject.SECTOR_PAIR, "sector")]
)
def test_pairs_have_a_row_for_each_month_within_730_days(subject, thing, frames, trades):
    through = trades.disclosure_date.max()
    ends = pd.date_range("2018-01-31", through, freq="ME").date
    wanted = {
        (person, name, end)
        for (person, name), group in trades.dropna(subset=[thing]).groupby(["politician_id", thing])
        for end in ends
        if len(within(group, end, 730))
    }
    frame = frames[subject]
    assert (
        set(zip(frame.keys["politician_id"], frame.keys[thing], frame.as_of.tolist(), strict=True))
        == wanted
    )


def test_weeks_are_those_of_the_ensemble(frames, trades):
    frame = frames[Subject.POLITICIAN]
    through = np.datetime64(trades.disclosure_date.max())
    for person, group in trades.groupby("politician_id"):
        own = frame.take(frame.keys["politician_id"] == person)
        first = group.disclosure_date.min()
        start = np.datetime64(first - timedelta(days=first.weekday()))
        y = weekly_counts(group.disclosure_date.to_numpy().astype("datetime64[D]"), start, through)
        np.testing.assert_array_equal(own.column("trades_disclosed_week"), y)
        np.testing.assert_array_equal(own.as_of, start + np.arange(6, 7 * len(y), 7).astype(DAYS))
        sums = np.convolve(y, np.ones(4))[3:]
        following = sums[1 : len(y) - 3]
        label = own.labels["trades_disclosed_4_weeks"]
        np.testing.assert_array_equal(label[: len(following)], following)
        assert np.isnan(label[len(following) :]).all()
        np.testing.assert_array_equal(
            own.column("trades_disclosed_4_weeks_before")[3:], sums[: len(y) - 3]
        )
        known_on = own.known_on["trades_disclosed_4_weeks"][: len(following)]
        np.testing.assert_array_equal(
            known_on, own.as_of[: len(following)] + np.timedelta64(28, "D")
        )


def test_terms_count_from_their_first_day(frames, tables):
    frame = frames[Subject.POLITICIAN]
    chambers, terms = ("house", "senate"), tables["terms"]
    for place, day, keys in rows(frame, 23):
        own = terms[terms.politician_id == keys["politician_id"]]
        begun = own[own.start <= pd.Timestamp(day)]
        chamber = frame.column("chamber")[place]
        if len(begun):
            assert chamber == chambers.index(begun.chamber.iloc[-1])
            years = (pd.Timestamp(day) - begun.start.min()).days / 365.25
            assert frame.column("seniority")[place] == pytest.approx(years)
        else:
            record = tables["politicians"].set_index("politician_id").loc[keys["politician_id"]]
            assert chamber == chambers.index(record.chamber)
            assert np.isnan(frame.column("seniority")[place])


def test_seats_are_unknown_before_they_were_collected(frames, tables):
    frame = frames[Subject.SECTOR_PAIR]
    seat = frame.column("committee_over_sector")
    assert np.isnan(seat[frame.as_of < np.datetime64(SEATS_SINCE)]).all()
    members = tables["terms"].politician_id.unique()
    later = (frame.as_of >= np.datetime64(SEATS_SINCE)) & np.isin(
        frame.keys["politician_id"], members
    )
    assert np.isfinite(seat[later]).all()
    # Energy and Commerce of the House, by a subcommittee.
    over = {
        (tables["seats"].politician_id[0], "Materials"): 0.0,
        (tables["seats"].politician_id[0], "Energy"): 1.0,
    }
    for (person, sector), expected in over.items():
        chosen = later & (frame.keys["politician_id"] == person) & (frame.keys["sector"] == sector)
        assert chosen.any()
        assert (seat[chosen] == expected).all()
    assert np.isnan(seat[~np.isin(frame.keys["politician_id"], members)]).all()


def test_the_same_snapshot_gives_the_same_bytes(objects, tables, tmp_path):
    other = Folder(tmp_path)
    write_snapshot(other, tables, seats_since=SEATS_SINCE)
    part = build(other, DATASET, subjects=[Subject.DISCLOSURE], since=date(2019, 5, 20))
    assert min(part["subjects"]["disclosure"]["files"]) == "2019-05"
    assert list(part["subjects"]) == ["disclosure"]
    with pytest.raises(NotFoundError):
        read(other, DATASET, Subject.DISCLOSURE, first=date(2019, 4, 30))
    recent = read(other, DATASET, Subject.DISCLOSURE, first=date(2019, 5, 1))
    assert recent.as_of.min() >= np.datetime64("2019-05-01")
    # What was written is written again: other bytes would be refused.
    build(other, DATASET)
    written = {key: objects.get(key) for key in objects.keys("features/")}
    assert len(written) > 50
    assert {key: other.get(key) for key in other.keys("features/")} == written


def test_what_is_built_is_not_built_again(objects, monkeypatch):
    def refuse(*_):
        raise AssertionError

    manifest = build(objects, DATASET)
    monkeypatch.setattr("quant.ml.features.build.opened", refuse)
    assert build(objects, DATASET, since=date(2019, 1, 1)) == manifest
    assert manifest["synthetic"] is True
    assert manifest["trading_days_through"] == "2020-04-17"


def test_bounds_are_inclusive(objects, frames):
    whole = frames[Subject.POLITICIAN]
    first, last = date(2019, 3, 3), date(2019, 4, 14)
    part = read(objects, DATASET, Subject.POLITICIAN, first=first, last=last)
    inside = (whole.as_of >= np.datetime64(first)) & (whole.as_of <= np.datetime64(last))
    np.testing.assert_array_equal(part.x, whole.x[inside])
    assert {part.as_of.min().item(), part.as_of.max().item()} == {first, last}
    nothing = read(objects, DATASET, Subject.POLITICIAN, first=date(2030, 1, 1))
    assert nothing.x.shape == (0, len(whole.names))


def test_what_is_absent_or_damaged_says_so(tables, tmp_path):
    folder = Folder(tmp_path)
    with pytest.raises(NotFoundError, match="snapshot v9-f1"):
        build(folder, "v9-f1")
    with pytest.raises(NotFoundError, match="features of v9-f1"):
        read(folder, "v9-f1", Subject.DISCLOSURE)
    write_snapshot(folder, tables)
    manifest = build(folder, DATASET, subjects=[Subject.POLITICIAN])
    key = manifest["subjects"]["politician"]["files"]["2019-01"]["key"]
    folder.put(key, folder.get(key)[:-1] + b"x")
    with pytest.raises(DamagedObjectError):
        read(folder, DATASET, Subject.POLITICIAN)


def test_without_a_benchmark_there_are_no_outcomes_of_returns(tables, tmp_path):
    folder = Folder(tmp_path)
    prices = tables["prices"][tables["prices"].ticker != BENCHMARK]
    write_snapshot(folder, {**tables, "prices": prices}, benchmark=None)
    build(folder, DATASET, subjects=[Subject.DISCLOSURE])
    frame = read(folder, DATASET, Subject.DISCLOSURE)
    assert len(frame) > 100
    assert np.isnan(frame.labels["abnormal_return_21"]).all()
    assert np.isnan(frame.column("benchmark_return_63")).all()
    assert np.isfinite(frame.column("momentum_63")).any()
