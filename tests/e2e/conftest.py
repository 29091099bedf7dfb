"""Clients of the deployed API, and a way past the usage plans for tests that need many requests."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import boto3
import httpx
import pytest
from e2e_support import without_limits_of
from support import SUPERVISOR, LocalCloud

# A cold function may take as long as its timeout.
TIMEOUT_S = 30


@pytest.fixture
def anonymous(local_cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=local_cloud.url, timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture(scope="session")
def learning_cloud(local_cloud: LocalCloud) -> LocalCloud:
    """The local cloud with a tracking server, and what a training told it."""
    if local_cloud.run.get("tracking_uri"):
        return local_cloud
    if local_cloud.name != "test":
        pytest.skip("the local cloud has no tracking server; `make run ML=1` starts it")
    ports = [f"--{server}-port={port}" for server, port in local_cloud.run["ports"].items()]
    result = subprocess.run(
        [sys.executable, str(SUPERVISOR), "run", "--name", "test", "--ml", "--json", *ports],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        pytest.fail(f"machine learning did not start:\n{result.stderr}", pytrace=False)
    return replace(local_cloud, run=json.loads(result.stdout))


@contextmanager
def usage_plan_of(local_cloud, tier: str, *, rate: float, burst: int) -> Iterator[None]:
    """Give a tier another throttle while the block runs; only where we own the gateway."""
    if not local_cloud.name:
        pytest.skip("--base-url is given: its usage plans are not ours to change")
    environment = local_cloud.run["environment"]
    gateway = boto3.client(
        "apigateway",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    (plan,) = (
        plan for plan in gateway.get_usage_plans()["items"] if plan["name"].endswith(f"-{tier}")
    )

    def set_throttle(rate: float, burst: int) -> None:
        gateway.update_usage_plan(
            usagePlanId=plan["id"],
            patchOperations=[
                {"op": "replace", "path": "/throttle/rateLimit", "value": str(rate)},
                {"op": "replace", "path": "/throttle/burstLimit", "value": str(burst)},
            ],
        )

    set_throttle(rate, burst)
    try:
        yield
    finally:
        set_throttle(plan["throttle"]["rateLimit"], plan["throttle"]["burstLimit"])


@pytest.fixture(scope="session")
def unthrottled(local_cloud) -> Iterator[str]:
    """A premium token that neither its usage plan nor the limiter holds back."""
    if not local_cloud.name:
        yield local_cloud.token("premium")
        return
    token = local_cloud.token("premium")
    plan = usage_plan_of(local_cloud, "premium", rate=10_000, burst=10_000)
    with plan, without_limits_of(local_cloud, token):
        yield token


@pytest.fixture
def client(local_cloud, unthrottled) -> Iterator[httpx.Client]:
    """A premium client."""
    with httpx.Client(
        base_url=local_cloud.url,
        timeout=TIMEOUT_S,
        headers={"Authorization": f"Bearer {unthrottled}"},
    ) as client:
        yield client
