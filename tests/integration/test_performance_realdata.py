"""The performance report on real disclosures: that of docs, and one number of it made otherwise."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from skfolio.datasets import load_sp500_dataset, load_sp500_index
from sqlalchemy import text
from tests.import_support import fresh_engine

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "tests" / "realdata"))

import performance_report as report  # noqa: E402
from evidence import StaleSentenceError  # noqa: E402
from realdata_support import FIRST_PRICE  # noqa: E402
from study import SENATE, Findings, Key  # noqa: E402
from summary import Summary  # noqa: E402

from quant.analytics.performance.vocabulary import Event  # noqa: E402
from quant.reports.performance_legs import Leg  # noqa: E402
from quant.reports.performance_study import Study  # noqa: E402

pytestmark = pytest.mark.realdata

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
HORIZON = 63


@pytest.fixture(scope="module")
def real(postgres, migrated_template, data_dir):
    """The engine of the database, and what the report finds in it."""
    with fresh_engine(postgres, migrated_template) as engine:
        yield engine, report.gather(engine, data_dir)


@pytest.fixture(scope="module")
def trade_days(real):
    """Daily abnormal returns of senators' purchases after the transaction, with pandas alone."""
    engine, _ = real
    stocks, index = load_sp500_dataset()[FIRST_PRICE:], load_sp500_index()[FIRST_PRICE:]["SP500"]
    abnormal = stocks.pct_change().sub(index.pct_change(), axis=0)
    with engine.connect() as connection:
        trades = pd.read_sql(
            text(
                "select t.politician_id::text as politician, t.ticker, t.transaction_date as day"
                " from trades t join politicians p on p.id = t.politician_id"
                " where p.chamber = 'senate' and t.operation = 'purchase'"
                " and coalesce(t.asset_type, 'stock') = 'stock'"
                " and t.transaction_date >= '2012-04-04' and t.ticker = any(:tickers)"
            ),
            connection,
            params={"tickers": list(stocks.columns)},
            parse_dates=["day"],
        )
    entries = stocks.index.searchsorted(trades["day"])
    return pd.concat(
        abnormal[trade.ticker]
        .iloc[entry + 1 : entry + 1 + HORIZON]
        .rename("abnormal")
        .rename_axis("day")
        .reset_index()
        .assign(trade=number, politician=trade.politician)
        for number, (trade, entry) in enumerate(zip(trades.itertuples(), entries, strict=True))
        if entry + HORIZON < len(stocks)
    )


def assert_same(written, made):
    """Texts are the same but for the last digit of a number, which may differ by machine."""
    assert NUMBER.sub("#", written) == NUMBER.sub("#", made)
    for old, new in zip(NUMBER.findall(written), NUMBER.findall(made), strict=True):
        if old != new:
            unit = 10.0 ** -len(old.partition(".")[2])
            assert unit < 1, (old, new)
            apart = abs(float(old.replace(",", "")) - float(new.replace(",", "")))
            assert apart < 1.5 * unit, (old, new)


def test_the_page_is_what_is_found_now(real):
    _, findings = real
    assert_same((PROJECT / "docs" / report.PAGE).read_text(), report.page(findings))


def test_the_numbers_are_what_is_found_now(real):
    _, findings = real
    written = json.loads((PROJECT / "docs" / report.NUMBERS).read_text())
    made = json.loads(report.numbers(findings))
    assert written["columns"] == made["columns"]
    for old, new in zip(written["rows"], made["rows"], strict=True):
        for was, now in zip(old, new, strict=True):
            assert was == (pytest.approx(now, rel=1e-4) if isinstance(now, float) else now)


def test_senators_purchases_are_those_of_pandas_and_statsmodels(real, trade_days):
    _, findings = real
    row = findings.grid[Key(SENATE, Event.TRANSACTION, Leg.PURCHASES, HORIZON)]
    groups = [pd.factorize(trade_days[name])[0] for name in ("politician", "day")]
    daily = sm.OLS(trade_days["abnormal"].to_numpy(), np.ones(len(trade_days)))
    error = HORIZON * max(
        float(daily.fit(cov_type="cluster", cov_kwds={"groups": each}).bse[0])
        for each in (np.column_stack(groups), *groups)
    )
    mean = trade_days.groupby("trade")["abnormal"].sum().mean()
    assert row["car"]["n"] == trade_days["trade"].nunique() > 300
    assert row["car"]["value"] == pytest.approx(mean, abs=1e-8)
    assert row["car"]["standard_error"] == pytest.approx(error, abs=1e-8)


def test_a_sentence_that_no_longer_holds_stops_the_report(real):
    _, findings = real
    trades = findings.study.trades
    swapped = replace(trades, arrays=replace(trades.arrays, side=-trades.arrays.side))
    study = Study(swapped, findings.prices, findings.study.factors)
    with pytest.raises(StaleSentenceError, match="stocks bought did no better than stocks sold"):
        Summary(Findings(study, findings.imports)).in_short()
