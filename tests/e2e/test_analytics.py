"""Statistics, analytics and exports through the gateway: real content, and files that are whole.

On the synthetic sample of a local cloud; elsewhere whatever the data are.
"""

import base64
import csv
import hashlib
import io
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from deployed_support import Deployed
from e2e_support import TIMEOUT_S, Platform, bearer, eventually

from quant_http.routes import ROUTES, route

pytestmark = pytest.mark.e2e

# A worker may have to start, and a queue's poller wait for it.
SOON_S = 120
EXPORT = "/api/v1/export"

# What to ask each route for, and what must be in the document it answers with.
ANSWERS: dict[str, list[tuple[dict[str, Any], Callable[[Any], Any]]]] = {
    "stats.overview": [({}, lambda it: it["data"]["totals"]["trades"] and it["data"]["by_year"])],
    "stats.leaderboard": [
        ({"by": by}, lambda it: it["data"][0]["rank"] == 1 and it["ranked"])
        for by in ("volume", "trade_count", "timeliness", "return")
    ],
    "stats.sectors": [({}, lambda it: sum(row["trade_count"] for row in it["data"]))],
    "stats.late_filings": [({}, lambda it: it["summary"]["in_time"])],
    "tickers.list": [({}, lambda it: it["data"][0]["trade_count"])],
    "tickers.detail": [({}, lambda it: it["data"]["quarters"] and it["data"]["traded_by"])],
    "analytics.performance": [
        ({"by": by}, lambda it: it["data"]["groups"] and it["data"]["ranking"]["tested"])
        for by in ("all", "party", "chamber", "committee")
    ],
    "analytics.politician_performance": [
        ({"event": event}, lambda it: it["data"]["legs"] and it["data"]["evidence"])
        for event in ("disclosure", "transaction")
    ],
    "analytics.backtest": [({}, lambda it: len(it["data"]["result"]["curve"]) > 10)],
    "analytics.pairwise_correlation": [({}, lambda it: it["data"]["pairs"])],
    "analytics.network": [({}, lambda it: it["data"]["nodes"] and it["data"]["summary"])],
    "analytics.ensemble": [({}, lambda it: it["data"]["statement"] and it["data"]["forecasts"])],
    "analytics.insights": [
        ({}, lambda it: it["data"]["supported"] + it["data"]["not_supported"]),
    ],
    "analytics.anomaly_detection": [({}, lambda it: len(it["data"]["detectors"]) >= 4)],
    "patterns.politicians": [({}, lambda it: it["data"][0]["analyses"])],
    "patterns.fourier": [({}, lambda it: it["data"]["cycles"] and it["data"]["finding"])],
    "patterns.regime": [({}, lambda it: it["data"]["regimes"] and it["data"]["spells"])],
    "patterns.patterns": [({}, lambda it: it["data"]["matches"] and it["data"]["finding"])],
    "patterns.comprehensive": [({}, lambda it: len(it["data"]["tests"]) >= 4)],
    "patterns.compare": [({}, lambda it: len(it["data"]["pairs"]) == 1)],
}
COMPUTED_AHEAD = {"analytics.performance", "analytics.politician_performance", "analytics.network"}


@pytest.fixture(scope="module")
def asked(local_cloud, unthrottled) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=local_cloud.url, timeout=TIMEOUT_S, headers=bearer(unthrottled)
    ) as client:
        yield client


@pytest.fixture(scope="module")
def members(asked) -> list[str]:
    """Those with the most trades, whose disclosure dates are known in the sample, too."""
    query = {"chamber": "house", "sort": "-trade_count"}
    answer = asked.get("/api/v1/patterns/politicians", params=query)
    return [row["politician"]["id"] for row in answer.json()["data"]]


@pytest.fixture(scope="module")
def symbol(asked) -> str:
    """The ticker that is traded most."""
    return str(asked.get("/api/v1/tickers").json()["data"][0]["symbol"])


@pytest.fixture(scope="module")
def methods(asked) -> set[tuple[str, str]]:
    """Identifier and version of every method there is."""
    listed = asked.get("/api/v1/methods").json()["data"]
    return {(method["id"], method["version"]) for method in listed}


def test_every_route_of_statistics_and_analytics_is_asked():
    folders = ("stats", "tickers", "analytics", "patterns")
    assert set(ANSWERS) == {route.name for route in ROUTES if route.name.split(".")[0] in folders}


@pytest.mark.parametrize(
    ("name", "query", "holds"),
    [(name, *asked) for name, answers in ANSWERS.items() for asked in answers],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_what_is_asked_is_answered(asked, members, symbol, methods, name, query, holds):
    path = route(name).path.format(politician_id=members[0], symbol=symbol)
    if name == "patterns.compare":
        query = {"politicians": ",".join(members[:2])}
    answer = asked.get(path, params=query)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert holds(document), answer.text[:2000]
    assert document["data_version"] >= 1
    named = document.get("methods", [document["method"]] if "method" in document else [])
    assert {(method["id"], method["version"]) for method in named} <= methods
    assert named or name in {"tickers.list", "tickers.detail", "patterns.politicians"}
    if name in COMPUTED_AHEAD or query.get("by") == "return":
        assert document["is_current"] is True
    again = asked.get(path, params=query, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("name", "query", "location"),
    [
        ("stats.leaderboard", {"by": "wealth"}, "query.by"),
        ("stats.late_filings", {"min_days": 0}, "query.min_days"),
        ("tickers.list", {"sort": "luck"}, "query.sort"),
        ("analytics.performance", {"horizon": 7}, "query.horizon"),
        ("analytics.backtest", {"lag": -1}, "query.lag"),
        ("analytics.network", {"window": 0}, "query.window"),
        ("analytics.anomaly_detection", {"as_of": "2020-13-01"}, "query.as_of"),
        ("patterns.compare", {"politicians": "one"}, "query.politicians"),
        ("patterns.fourier", {"surprise": 1}, "query.surprise"),
        ("export.trades", {"format": "xlsx"}, "query.format"),
    ],
)
def test_a_bad_parameter_is_a_problem_that_names_it(asked, members, name, query, location):
    answer = asked.get(route(name).path.format(politician_id=members[0]), params=query)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert location in {error["location"] for error in answer.json()["errors"]}


# Exports


@pytest.fixture(scope="module")
def platform(local_cloud, asked) -> Platform:
    return Platform(local_cloud, asked)


def succeeded(asked: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """What a job says once it has succeeded."""

    def status() -> dict[str, Any] | None:
        answer = asked.get(f"{EXPORT}/jobs/{job['id']}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        assert shown["state"] in {"queued", "running", "succeeded"}, shown
        return shown if shown["state"] == "succeeded" else None

    found: dict[str, Any] = eventually(status, within_s=SOON_S)
    return found


def download(file: dict[str, Any]) -> bytes:
    """A file from its link, which asks for no token."""
    answer = httpx.get(file["url"], timeout=TIMEOUT_S)
    assert answer.status_code == 200, answer.text
    assert file["name"] in answer.headers["content-disposition"]
    assert len(answer.content) == file["bytes"]
    assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
    return answer.content


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
@pytest.mark.parametrize("name", ["export.trades", "export.analysis"])
def test_an_export_of_one_politician_is_the_file(asked, members, name, form):
    path = route(name).path.format(politician_id=members[0])
    answer = asked.get(path, params={"format": form})
    assert answer.status_code == 200, answer.text
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    match form:
        case "csv":
            rows = list(csv.DictReader(io.StringIO(answer.text)))
            assert rows
            assert {row["politician_id"] for row in rows} == {members[0]}
        case "json":
            assert json.loads(answer.content)
        case "parquet":
            assert answer.content[:4] == answer.content[-4:] == b"PAR1"


def test_an_export_of_all_politicians_is_made_and_downloaded(asked, local_cloud):
    answer = asked.post(f"{EXPORT}/batch/all-politicians", json={"format": "csv"})
    assert answer.status_code == 202, answer.text
    asked_for = answer.json()
    assert urljoin(str(answer.url), answer.headers["location"]).endswith(asked_for["id"])
    job = succeeded(asked, asked_for)
    [file] = job["files"]
    rows = list(csv.DictReader(io.StringIO(download(file).decode())))
    total = asked.get("/api/v1/stats/overview").json()["data"]["totals"]["trades"]
    assert len(rows) == job["rows"] == total
    if local_cloud.run.get("synthetic"):
        assert {row["synthetic"] for row in rows} == {"true"}
    assert asked_for["id"] in {row["id"] for row in asked.get(f"{EXPORT}/jobs").json()["data"]}


def test_the_research_dataset_is_made_once_and_whole(asked):
    body = {"format": "parquet"}
    answer = asked.post(f"{EXPORT}/research-dataset", json=body)
    assert answer.status_code == 202, answer.text
    job = succeeded(asked, answer.json())
    [version] = [
        shown
        for shown in asked.get(f"{EXPORT}/research-dataset").json()["data"]
        if (shown["data_version"], shown["format"]) == (job["data_version"], "parquet")
    ]
    contents = {file["name"]: download(file) for file in version["files"]}
    sums = contents["SHA256SUMS"]
    assert hashlib.sha256(sums).hexdigest() == version["sha256"] == job["sha256"]
    listed = dict(reversed(line.split("  ")) for line in sums.decode().splitlines())
    assert listed == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in contents.items()
        if name not in {"SHA256SUMS", "manifest.json"}
    }
    assert {"trades.parquet", "politicians.parquet", "dictionary.json"} <= set(listed)
    dictionary = json.loads(httpx.get(version["dictionary_url"], timeout=TIMEOUT_S).content)
    assert dictionary == json.loads(contents["dictionary.json"])
    again = succeeded(asked, asked.post(f"{EXPORT}/research-dataset", json=body).json())
    assert (again["id"], again["sha256"]) == (job["id"], job["sha256"])


def test_an_export_that_failed_is_set_aside_and_redriven(platform, asked, local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: queues and functions there are not ours")
    deployed = Deployed(platform)
    # No account has asked for the same: an export that is there already is not made again.
    body = {"format": "json", "filters": {"amount_min": secrets.randbelow(1000)}}
    with (
        deployed.set_for("export-run", QUANT_DATABASE_PORT="1"),
        deployed.impatient("exports"),
    ):
        answer = asked.post(f"{EXPORT}/batch/all-politicians", json=body)
        assert answer.status_code == 202, answer.text
        job = answer.json()
        eventually(lambda: deployed.set_aside("exports"), within_s=SOON_S)
    assert asked.get(f"{EXPORT}/jobs/{job['id']}").json()["state"] == "queued"
    done = platform.operator("pipeline", "redrive", "exports")
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = succeeded(asked, job)["files"]
    assert json.loads(download(file))
    assert deployed.set_aside("exports") == 0
