"""Anomalies, forecasts and insights on real disclosures: facts that can be counted otherwise."""

import csv
from datetime import timedelta

import pytest
from skfolio.datasets import load_sp500_dataset, load_sp500_index
from sqlalchemy import text
from tests.import_support import fresh_engine

from quant.ingest.files import read_source
from quant.ingest.prices import import_prices
from quant.ingest.seed import seed
from quant.reports.anomalies import anomaly_report
from quant.reports.ensemble import ensemble_report
from quant.reports.insights import insight_report

pytestmark = pytest.mark.realdata

MEMBERS = 12


@pytest.fixture(scope="module")
def connection(postgres, migrated_template, data_dir, tmp_path_factory):
    """The disclosures, with the prices of twenty stocks and the index from 2011 to 2022."""
    closes = load_sp500_dataset()["2011":].join(load_sp500_index()["2011":])
    path = tmp_path_factory.mktemp("prices") / "prices.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["date", "ticker", "close", "adjusted_close", "volume"])
        for day, values in closes.iterrows():
            rows.writerows(
                [day.date(), symbol, close, close, ""] for symbol, close in values.items()
            )
    with fresh_engine(postgres, migrated_template) as engine:
        seed(engine, data_dir)
        import_prices(engine, read_source(path))
        with engine.connect() as connection:
            yield connection


@pytest.fixture(scope="module")
def reports(connection):
    """Reports of the members with most trades whose disclosure day is known."""
    ids = connection.scalars(
        text(
            "select politician_id from trades where disclosure_date is not null"
            " group by 1 order by count(*) desc, 1 limit :most"
        ),
        {"most": MEMBERS},
    ).all()
    return {str(member): anomaly_report(connection, str(member)) for member in ids}


def detector(report, name):
    return next(each for each in report["data"]["detectors"] if each["name"] == name)


def disclosed(connection, member, first, weeks):
    """Trades that a member disclosed within weeks."""
    return connection.scalar(
        text(
            "select count(*) from trades where politician_id = cast(:member as uuid)"
            " and disclosure_date >= :first and disclosure_date < :end"
        ),
        {"member": member, "first": first, "end": first + timedelta(weeks=weeks)},
    )


def test_late_filings_are_those_that_sql_counts(connection, reports):
    for member, report in reports.items():
        late, filings = connection.execute(
            text(
                "select count(*) filter (where late), count(*) from (select bool_or("
                "disclosure_date - transaction_date > 45) as late from trades"
                " where politician_id = cast(:member as uuid) and disclosure_date is not null"
                " group by disclosure_date) as filed"
            ),
            {"member": member},
        ).one()
        details = detector(report, "lateness")["details"]
        assert (details["late_filings"], details["filings"]) == (late, filings)


def test_every_finding_has_the_members_trades_and_their_filings(connection, reports):
    for member, report in reports.items():
        for each in report["data"]["detectors"]:
            for row in each["evidence"]:
                filed_by, url = connection.execute(
                    text(
                        "select t.politician_id, f.url from trades t join filings f"
                        " on f.id = t.filing_id where t.id = :id"
                    ),
                    {"id": row["trade"]["id"]},
                ).one()
                assert str(filed_by) == member
                assert row["trade"]["filing"]["url"] == url


def test_windows_after_transactions_are_tested_where_there_are_prices(reports):
    tested = [detector(report, "timing")["tested"] for report in reports.values()]
    assert sum(tested) > 200
    for report in reports.values():
        for row in detector(report, "timing")["evidence"]:
            assert row["values"]["known_on"] > row["trade"]["transaction_date"]


def test_forecasts_count_the_trades_that_sql_counts(connection, reports):
    for member in list(reports)[:4]:
        data = ensemble_report(connection, member)["data"]
        series = data["series"]
        assert series["trades"] == disclosed(
            connection, member, series["first_week"], series["weeks"]
        )
        assert bool(data["forecasts"]) == (series["weeks"] >= series["weeks_needed"])
        for each in data["forecasts"]:
            for row in each["past"][::10]:
                assert row["outcome"] == disclosed(
                    connection, member, row["made_on"], each["weeks"]
                )


def test_every_insight_names_filings_of_the_member(connection, reports):
    for member in list(reports)[:4]:
        data = insight_report(connection, member)["data"]
        for each in [*data["supported"], *data["not_supported"]]:
            assert each["evidence"], each["topic"]
            ids = [str(row["id"]) for row in each["evidence"]]
            urls = {row["filing"]["url"] for row in each["evidence"]}
            filed = connection.execute(
                text(
                    "select f.url, t.politician_id from trades t join filings f"
                    " on f.id = t.filing_id where t.id = any(cast(:ids as uuid[]))"
                ),
                {"ids": ids},
            ).all()
            assert {url for url, _ in filed} == urls
            assert {str(filer) for _, filer in filed} == {member}
