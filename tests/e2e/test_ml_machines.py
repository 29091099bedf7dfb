"""Training and prediction in the local cloud, as their state machines run them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from e2e_support import TIMEOUT_S, Platform, eventually
from support import LocalCloud

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# Two windows suffice to see that the plan is worked off; no other run has these settings.
MODEL = "trade-count-regime"
SETTINGS = {"settings": {"models": [MODEL], "folds": 2}}


@pytest.fixture(scope="module")
def platform(learning_cloud: LocalCloud) -> Iterator[Platform]:
    with httpx.Client(base_url=learning_cloud.url, timeout=TIMEOUT_S) as http:
        yield Platform(learning_cloud, http)


def _execute(platform: Platform, output: str, event: dict[str, Any]) -> dict[str, Any]:
    """Run the machine of an output of the stacks to its end; return what each state answered."""
    client = platform.aws("stepfunctions")
    machine = platform.cloud.run["outputs"][output]
    started = client.start_execution(stateMachineArn=machine, input=json.dumps(event))
    arn = started["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = client.describe_execution(executionArn=arn)
        return None if found["status"] == "RUNNING" else found

    execution = eventually(ended, within_s=600, every_s=1)
    assert execution["status"] == "SUCCEEDED", execution
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    answers = {}
    for event_ in (event_ for page in pages for event_ in page["events"]):
        if event_["type"] == "TaskStateExited":
            details = event_["stateExitedEventDetails"]
            answers[details["name"]] = json.loads(details["output"])
    return answers


def _versions(platform: Platform, run: str) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in platform.sql(
            "select version, tracking_run, sha256 from model_versions where run = :run", run=run
        )
    ]


def test_training_fits_the_plan_and_publishes_one_version(platform: Platform) -> None:
    answers = _execute(platform, "TrainingArn", SETTINGS)
    run = answers["Prepare"]["run"]
    assert answers["Prepare"]["models"] == [{"run": run, "model": MODEL}]
    bucket = answers["Prepare"]["plan"]["bucket"]
    listed = platform.aws("s3").list_objects_v2(Bucket=bucket, Prefix=f"runs/{run}/{MODEL}/fits/")
    assert listed["KeyCount"] == answers["Prepare"]["fits"] > 0
    [(version, tracking_run, digest)] = _versions(platform, run)
    assert answers["Register"] == {
        "run": run,
        "model": MODEL,
        "version": version,
        "tracking_run": tracking_run,
    }
    assert answers["Evaluate"]["sha256"] == digest
    assert answers["Publish"]["version"] == version
    assert {"Alias", "Predict", "Monitor"} <= answers.keys()
    again = _execute(platform, "TrainingArn", SETTINGS)
    assert {name: again[name] for name in ("Prepare", "Evaluate", "Register", "Publish")} == {
        name: answers[name] for name in ("Prepare", "Evaluate", "Register", "Publish")
    }
    assert _versions(platform, run) == [(version, tracking_run, digest)]


def test_prediction_answers_for_every_model(platform: Platform) -> None:
    answers = _execute(platform, "PredictionArn", {})
    assert answers["Predict"]["dataset"] == answers["Monitor"]["dataset"]
    predicted = {each["model"] for each in answers["Predict"]["models"]}
    assert predicted == set(answers["Monitor"]["models"])
    assert MODEL in predicted
