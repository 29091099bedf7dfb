"""Exports of what the analytics say of a politician, at once and by a job."""

import base64
import csv
import hashlib
import io
import json
import math
import uuid
from datetime import date, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from export_support import EXPORT, JOBS, export_service
from sqlalchemy import text
from tests.integration.conftest import SENATOR, authorizer_context, make_trade

from quant.exports import analysis
from quant.exports.dictionary import ANALYSIS
from quant.identity import filing_id
from quant.vocabulary import ExportFormat

SENATOR_ANALYSIS = f"{EXPORT}/analysis/W000001"
ASYNC = {"Prefer": "respond-async"}
ROUTES = {
    "performance": "/api/v1/analytics/performance/W000001",
    "patterns": "/api/v1/patterns/analyze/W000001/comprehensive",
    "anomalies": "/api/v1/analytics/anomaly-detection/W000001",
}


@pytest.fixture(scope="module")
def busy(api, disclosures):
    """The senator trades often enough for every analysis of patterns."""
    rng = np.random.Generator(np.random.PCG64(11))
    days = [date(2016, 1, 4) + timedelta(days=7 * week) for week in range(104)]
    disclosures.add_all(
        make_trade(
            1000 + 10 * week + number,
            SENATOR,
            filing_id("senate_efd", "s-1"),
            transaction_date=day,
            disclosure_date=day + timedelta(days=30),
        )
        for week, day in enumerate(days)
        for number in range(rng.poisson(2))
    )
    disclosures.commit()


@pytest.fixture(scope="module")
def service(api, busy):
    with export_service() as service:
        yield service


@pytest.fixture
def exports(service, disclosures):
    disclosures.execute(text("truncate export_jobs"))
    disclosures.commit()
    service.empty()
    return service


@pytest.fixture
def caller():
    """Somebody who asks; the same in every request."""
    return authorizer_context()


def ask(api, caller, **query):
    answer = api.get(SENATOR_ANALYSIS, query, ASYNC, authorizer=caller)
    assert answer.status == 202, answer.body
    return answer.json


def status(api, caller, job):
    return api.get(f"{JOBS}/{job['id']}", authorizer=caller)


def rows_of(body, form):
    """Rows by column: texts of CSV, values of Parquet."""
    if form == "csv":
        return list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    return pq.read_table(io.BytesIO(body)).to_pylist()


def number(value):
    return None if value in {"", None} else float(value)


def test_json_has_what_the_routes_of_the_reports_answer(api, exports):
    answer = api.get(SENATOR_ANALYSIS)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {name: api.get(route).json for name, route in ROUTES.items()}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables_have_the_numbers_of_the_documents(api, exports, form):
    documents = api.get(SENATOR_ANALYSIS).json
    found = rows_of(api.get(SENATOR_ANALYSIS, {"format": form}).body, form)
    assert list(found[0]) == [column.name for column in ANALYSIS.columns]
    assert {row["analysis"] for row in found} == set(documents)
    places = [(row["analysis"], row["metric"], row["horizon"]) for row in found]
    assert len(set(places)) == len(places)
    by_place = {(name, metric): row for (name, metric, _), row in zip(places, found, strict=True)}

    patterns, anomalies = documents["patterns"]["data"], documents["anomalies"]["data"]
    for test in patterns["tests"]:
        row = by_place["patterns", f"tests.{test['analysis']}"]
        assert number(row["p_value"]) == test["p_value"] is not None
        assert number(row["q_value"]) == test["q_value"] is not None
        assert row["method_id"] == f"patterns.{test['analysis']}"
    rate = patterns["changes"]["segments"][0]["rate"]
    row = by_place["patterns", "changes.segments.0.rate"]
    for name in ("value", "standard_error", "low", "high", "n"):
        assert number(row[name]) == rate[name], name
    assert row["method_id"] == "patterns.changes"
    combined = by_place["anomalies", "combined"]
    assert number(combined["p_value"]) == anomalies["combined"]["p_value"]
    for detector in anomalies["detectors"]:
        row = by_place["anomalies", f"detectors.{detector['name']}"]
        assert row["method_id"] == detector["method"]
        assert number(row["q_value"]) == detector["q_value"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_rows_say_by_which_method_of_which_data_they_are(api, exports, form):
    declared = {method["id"] for method in api.get("/api/v1/methods").json["data"]}
    for row in rows_of(api.get(SENATOR_ANALYSIS, {"format": form}).body, form):
        assert row["method_id"] in declared
        assert row["bioguide_id"] == "W000001"
        assert row["politician_id"] == str(SENATOR)
        assert str(row["synthetic"]).lower() == "false"
        assert str(row["data_version"]) == "1"
        for name in ("value", "standard_error", "low", "high", "p_value", "q_value"):
            assert number(row[name]) is None or math.isfinite(number(row[name]))


@pytest.mark.parametrize("form", list(ExportFormat))
def test_the_same_data_give_the_same_bytes(api, exports, form):
    first = api.get(SENATOR_ANALYSIS, {"format": form})
    second = api.get(f"{EXPORT}/analysis/{SENATOR}", {"format": form})
    assert first.status == second.status == 200
    assert first.body == second.body
    digest = base64.b64encode(hashlib.sha256(first.body).digest()).decode()
    assert first.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert first.headers["content-disposition"] == (
        f'attachment; filename="analysis-W000001-v1.{form}"'
    )
    unchanged = api.get(
        SENATOR_ANALYSIS, {"format": form}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert (unchanged.status, unchanged.body) == (304, b"")


@pytest.mark.parametrize("form", list(ExportFormat))
def test_a_job_makes_the_file_that_is_the_answer(api, exports, caller, form):
    job = ask(api, caller, format=form)
    assert (job["kind"], job["state"]) == ("analysis", "queued")
    assert ask(api, caller, format=form)["id"] == job["id"]
    # Delivered twice, as a queue may.
    exports.send(job["id"])
    assert exports.run() == []
    done = status(api, caller, job).json
    assert (done["state"], done["progress"], done["detail"]) == ("succeeded", 1, None)
    [file] = done["files"]
    assert exports.stored() == [exports.key(file["url"])]
    content = exports.download(file["url"])
    assert content == api.get(SENATOR_ANALYSIS, {"format": form}).body
    assert hashlib.sha256(content).hexdigest() == file["sha256"] == done["sha256"]
    assert file["name"] == f"analysis-W000001-v1.{form}"


def test_reports_that_take_too_long_are_a_job(api, exports, caller, monkeypatch):
    monkeypatch.setattr(analysis, "REQUEST_S", 0.0)
    answer = api.get(SENATOR_ANALYSIS, {"format": "parquet"}, authorizer=caller)
    assert answer.status == 202
    assert exports.run() == []
    [file] = status(api, caller, answer.json).json["files"]
    monkeypatch.undo()
    direct = api.get(SENATOR_ANALYSIS, {"format": "parquet"}, authorizer=caller)
    assert exports.download(file["url"]) == direct.body


def test_another_accounts_job_is_not_found(api, exports, caller):
    job = ask(api, caller)
    exports.run()
    assert status(api, caller, job).status == 200
    assert status(api, authorizer_context(), job).status == 404


def test_an_expired_job_has_no_files_and_begins_anew(api, exports, caller, disclosures):
    job = ask(api, caller)
    exports.run()
    disclosures.execute(text("update export_jobs set expires_at = now() - interval '1 second'"))
    disclosures.commit()
    shown = status(api, caller, job).json
    assert (shown["state"], shown["files"]) == ("expired", [])
    assert ask(api, caller)["state"] == "queued"
    exports.run()
    assert status(api, caller, job).json["state"] == "succeeded"


def test_a_report_that_fails_fails_the_attempt_without_a_file(api, exports, caller, monkeypatch):
    job = ask(api, caller)
    monkeypatch.setattr(analysis, "reports", lambda: {"broken": lambda *_: 1 / 0})
    assert exports.run() != []
    shown = status(api, caller, job).json
    assert (shown["state"], shown["detail"]) == ("queued", "an unexpected error; it was logged")
    assert exports.stored() == []


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        (f"{EXPORT}/analysis/Z999999", {}, 404),
        (f"{EXPORT}/analysis/{uuid.UUID(int=7)}", {}, 404),
        (f"{EXPORT}/analysis/nonsense", {}, 422),
        (SENATOR_ANALYSIS, {"format": "xlsx"}, 422),
        (SENATOR_ANALYSIS, {"unknown": "1"}, 422),
    ],
)
def test_bad_requests_are_refused(api, exports, path, query, expected):
    answer = api.get(path, query)
    assert answer.status == expected
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body)["status"] == expected
