"""Models through the gateway: trained, promoted, applied, and replaced when an artifact is lost.

Small models of the synthetic sample; nothing here says that they are any good.
"""

import json
from typing import Any

import httpx
import pytest
from deployed_support import Deployed
from e2e_support import TIMEOUT_S, Platform, bearer

from quant.ml import layout
from quant.ml.catalogue import MODELS
from quant_http.routes import ROUTES, route

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

MODEL = "trade-count-cycle"
CARD = f"/api/v1/models/{MODEL}"
# What to ask each route for; administrators' are tested by what they change.
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "predictions.list": [{}, {"model": MODEL}, {"state": "open", "sector": "Energy"}],
    "predictions.politician": [{}],
    "signals.list": [{}, {"model": "abnormal-return-21"}],
    "models.list": [{}],
    "models.detail": [{}],
    "models.scorecard": [{}],
}
ADMINISTRATION = {"models.promote", "models.rollback", "models.switch"}


@pytest.fixture(scope="module")
def asked(local_cloud, unthrottled):
    with httpx.Client(
        base_url=local_cloud.url, timeout=TIMEOUT_S, headers=bearer(unthrottled)
    ) as client:
        yield client


@pytest.fixture(scope="module")
def platform(local_cloud, asked) -> Platform:
    if not local_cloud.name:
        pytest.skip("--base-url is given: models there are not ours")
    return Platform(local_cloud, asked)


@pytest.fixture(scope="module")
def member(asked) -> str:
    """The one with the most trades."""
    query = {"chamber": "house", "sort": "-trade_count"}
    rows = asked.get("/api/v1/patterns/politicians", params=query).json()["data"]
    return str(rows[0]["politician"]["id"])


@pytest.fixture(scope="module")
def administer(platform, asked):
    """Sends an administrator's decision on the model."""
    token = platform.login(platform.person(tier="premium", admin=True))["access_token"]

    def send(method: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = asked.request(method, f"{CARD}/{what}", json=body, headers=bearer(token))
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    return send


@pytest.fixture(scope="module")
def versions(platform, administer) -> list[int]:
    """Two versions of the model, the second one champion."""
    numbers = []
    for seed in ("1", "2"):
        done = platform.operator(
            "ml", "train", "--model", MODEL, "--folds", "2", "--minimum-rows", "100",
            "--seed", seed, "--processes", "1", "--no-tracking", "--json",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        [trained] = json.loads(done.stdout)["trained"]
        numbers.append(trained["published"]["version"])
    for number in numbers:
        reason = "A test of the local cloud."
        shown = administer("POST", "promote", {"version": number, "reason": reason, "force": True})
        assert shown["version"] == number
    done = platform.operator("ml", "predict")
    assert done.returncode == 0, done.stdout + done.stderr
    return numbers


def applied(asked: httpx.Client, member: str) -> dict[str, Any]:
    answer = asked.get(route("predictions.politician").path.format(politician_id=member))
    assert answer.status_code == 200, answer.text
    [found] = [each for each in answer.json()["data"]["models"] if each["name"] == MODEL]
    return dict(found)


def test_every_route_of_models_is_asked():
    folders = {"predictions", "signals", "models"}
    assert set(ANSWERS) | ADMINISTRATION == {
        each.name for each in ROUTES if each.name.split(".")[0] in folders
    }


@pytest.mark.parametrize(
    ("name", "query"), [(name, query) for name, queries in ANSWERS.items() for query in queries]
)
def test_what_is_asked_is_answered(asked, versions, member, name, query):
    path = route(name).path.format(politician_id=member, name=MODEL)
    answer = asked.get(path, params=query)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    listed = {row["id"]: row for row in asked.get("/api/v1/methods").json()["data"]}
    assert document["methods"]
    for method in document["methods"]:
        assert listed[method["id"]]["version"] == method["version"]
    again = asked.get(path, params=query, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_models_are_those_of_the_catalogue(asked, versions):
    states = {row["name"]: row["state"] for row in asked.get("/api/v1/models").json()["data"]}
    assert set(states) == set(MODELS)
    assert states[MODEL] == "champion"


def test_the_champion_applied_now_says_what_the_batch_stored(platform, asked, versions, member):
    found = applied(asked, member)
    assert (found["used_version"], found["skipped"]) == (versions[1], [])
    query = {"model": MODEL, "politician": member, "state": "open"}
    stored = asked.get("/api/v1/predictions", params=query).json()["data"]
    expected = {row["as_of"]: row for row in stored if row["version"] == versions[1]}
    assert found["predictions"]
    for row in found["predictions"]:
        assert row["value"] == pytest.approx(expected[row["as_of"]]["value"], rel=1e-9)
        assert row["id"] == expected[row["as_of"]]["id"]
        assert row["politician"]["synthetic"] is bool(platform.cloud.run.get("synthetic"))


def test_without_the_champions_artifact_the_one_before_predicts(
    platform, asked, administer, versions, member
):
    """The artifact is deleted from S3; a new environment of the function finds it missing."""
    card = asked.get(CARD).json()["data"]
    digests = {row["version"]: row["sha256"] for row in card["versions"]}
    key = layout.artifact_key(MODEL, digests[versions[1]])
    bucket = platform.cloud.run["environment"]["QUANT_ML_BUCKET"]
    s3 = platform.aws("s3")
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    # A decision leads past the answers that are cached.
    for disabled in (True, False):
        administer("PUT", "switch", {"disabled": disabled, "reason": "A test."})
    s3.delete_object(Bucket=bucket, Key=key)
    try:
        with Deployed(platform).set_for("predictions-politician", QUANT_TEST_STARTED_ANEW="1"):
            found = applied(asked, member)
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    assert (found["version"], found["used_version"]) == (versions[1], versions[0])
    assert [skipped["version"] for skipped in found["skipped"]] == [versions[1]]
    assert {row["version"] for row in found["predictions"]} == {versions[0]}


def test_the_kill_switch_shows_at_once(asked, administer, versions, member):
    try:
        assert administer("PUT", "switch", {"disabled": True, "reason": "A test."})["changed"]
        found = applied(asked, member)
        assert (found["state"], found["predictions"]) == ("disabled", [])
        listed = asked.get("/api/v1/predictions", params={"model": MODEL}).json()
        assert listed["data"] == []
        assert "A test." in listed["models"][0]["reason"]
    finally:
        administer("PUT", "switch", {"disabled": False, "reason": "As it was."})
    assert applied(asked, member)["predictions"]


def test_only_administrators_decide(asked, versions):
    answer = asked.put(f"{CARD}/switch", json={"disabled": True, "reason": "A test."})
    assert answer.status_code == 403
