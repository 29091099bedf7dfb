"""Changes of the code deployed to a local cloud that is up and in use.

The cloud is started from a copy of the project, whose sources the tests change.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from supervisor.servers import free_port
from support import PROJECT, server_directory

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAME = "update"
REQUESTS_PER_SECOND = 5
COPIED = ("build", "functions", "infra", "layers", "localstack")
LINKED = (".tools", ".venv", "node_modules")
FILES = ("cdk.json", "package.json", "package-lock.json", "pyproject.toml")

ROUTE = """
from quant_http.app import RouteApp
from starlette.responses import Response

app = RouteApp("root.extra")


@app.endpoint(summary="Extra", tags=["service"])
async def extra() -> Response:
    \"\"\"Only here for a test.\"\"\"
    return Response(b"extra")


handler = app.handler
"""


@dataclass
class Checkout:
    """A copy of the project and the local cloud that runs from it."""

    directory: Path
    run: dict[str, Any] = field(default_factory=dict, repr=False)

    def supervise(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = str(self.directory / "layers" / "quant" / "python")
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "QUANT_LOCAL_ROOT": str(self.directory / ".local"),
        }
        supervisor = str(self.directory / "localstack" / "supervisor")
        return subprocess.run(
            [sys.executable, supervisor, command, "--name", NAME, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def deploy(self) -> None:
        ports = self.run.get("ports") or {
            server: free_port() for server in ("localstack", "postgres", "valkey")
        }
        options = [f"--{server}-port={port}" for server, port in ports.items()]
        self.run["ports"] = ports
        result = self.supervise("run", "--json", *options)
        if result.returncode != 0:
            raise DeployError(result.stderr)
        self.run = json.loads(result.stdout)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.run["endpoint_url"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def cdk(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CDK CLI on the deployed stacks."""
        assembly = str(self.directory / ".local" / NAME / "cdk.out")
        cli = str(PROJECT / "node_modules" / ".bin" / "cdk")
        return subprocess.run(
            [cli, command, "--app", assembly, "--ci", "--no-notices", *arguments],
            env={**os.environ, **self.run["environment"]},
            capture_output=True,
            text=True,
            check=False,
        )

    def versions(self) -> dict[str, str]:
        """Version that each function's alias points to, by the function's name."""
        client = self.client("lambda")
        names = [function["FunctionName"] for function in client.list_functions()["Functions"]]
        return {
            name: client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
            for name in names
        }

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.run['url']}{path}", timeout=60)

    @contextmanager
    def edited(self, file: str, old: str, new: str) -> Iterator[None]:
        """Replace a text in a file of the copy while the block runs."""
        path = self.directory / file
        before = path.read_text()
        assert before.count(old) == 1
        path.write_text(before.replace(old, new))
        try:
            yield
        finally:
            path.write_text(before)


class DeployError(Exception):
    """`run` failed; the message is what it wrote."""


@pytest.fixture(scope="module")
def checkout(request: pytest.FixtureRequest) -> Iterator[Checkout]:
    if request.config.getoption("--base-url") or request.config.getoption("--local-cloud"):
        pytest.skip("changes the code of a cloud of its own")
    with server_directory("update") as directory:
        build = PROJECT / "build"
        build.mkdir(exist_ok=True)
        with (build / ".lock").open("w") as lock:
            # The lock of infra.build: what is being built cannot be copied.
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name in COPIED:
                shutil.copytree(
                    PROJECT / name,
                    directory / name,
                    ignore=shutil.ignore_patterns("__pycache__", ".*_cache"),
                )
        for name in FILES:
            shutil.copyfile(PROJECT / name, directory / name)
        for name in LINKED:
            (directory / name).symlink_to(PROJECT / name)
        environments = PROJECT / ".local" / "envs"
        environments.mkdir(parents=True, exist_ok=True)
        (directory / ".local").mkdir()
        (directory / ".local" / "envs").symlink_to(environments)
        checkout = Checkout(directory)
        try:
            checkout.deploy()
            yield checkout
        finally:
            checkout.supervise("stop")


@contextmanager
def load(checkout: Checkout) -> Iterator[list[httpx.Response | Exception]]:
    """Send requests all the while the block runs; yields the answers, complete afterwards."""
    answers: list[httpx.Response | Exception] = []
    stopped = threading.Event()
    trades = f"{checkout.run['url']}/api/v1/trades?limit=1"
    headers = {"Authorization": f"Bearer {checkout.run['token']}"}
    # In use already: a deployment keeps every core busy, too busy for a cold start in time.
    httpx.get(trades, headers=headers, timeout=60).raise_for_status()

    def send(number: int) -> None:
        try:
            # Fifteen a minute: the token's tier admits twenty.
            if number % (4 * REQUESTS_PER_SECOND) == 0:
                answers.append(httpx.get(trades, headers=headers, timeout=60))
            else:
                answers.append(checkout.get("/health"))
        except httpx.HTTPError as error:
            answers.append(error)

    def send_all() -> None:
        with ThreadPoolExecutor(max_workers=30) as pool:
            number = 0
            while not stopped.wait(1 / REQUESTS_PER_SECOND):
                pool.submit(send, number)
                number += 1

    sender = threading.Thread(target=send_all)
    sender.start()
    try:
        yield answers
        time.sleep(2)
    finally:
        stopped.set()
        sender.join()


def failed(answers: list[httpx.Response | Exception]) -> list[object]:
    return [
        answer if isinstance(answer, Exception) else (answer.status_code, answer.text)
        for answer in answers
        if isinstance(answer, Exception) or answer.status_code != 200
    ]


def test_a_changed_handler_is_served_without_a_failed_request(checkout: Checkout) -> None:
    before = checkout.versions()
    old, new = '"no-store"', '"no-store, no-transform"'
    with checkout.edited("functions/health/live.py", old, new), load(checkout) as answers:
        checkout.deploy()
    assert failed(answers) == []
    assert checkout.get("/health").headers["Cache-Control"] == "no-store, no-transform"
    after = checkout.versions()
    assert {name for name in after if after[name] != before[name]} == {"quant-local-health-live"}
    stale = {"no-store", "no-store, no-transform"}
    answered = {a.headers["Cache-Control"] for a in answers if "/health" in str(a.url)}
    assert answered <= stale


def test_a_changed_layer_reaches_every_function_without_a_failed_request(
    checkout: Checkout,
) -> None:
    before = checkout.versions()
    old, new = "default=_default)", "default=_default, option=orjson.OPT_APPEND_NEWLINE)"
    file = "layers/quant/python/quant_http/json.py"
    with checkout.edited(file, old, new), load(checkout) as answers:
        checkout.deploy()
    assert failed(answers) == []
    assert checkout.get("/health").content.endswith(b"}\n")
    after = checkout.versions()
    assert [name for name in after if after[name] == before[name]] == []


def test_a_route_is_added_and_removed_without_a_failed_request(checkout: Checkout) -> None:
    handler = checkout.directory / "functions" / "root" / "extra.py"
    routes = "layers/quant/python/quant_http/routes.py"
    old = '    Route("health.live",'
    new = f'    Route("root.extra", "GET", "/extra", Access.PUBLIC),\n{old}'
    checkout.deploy()
    assert checkout.get("/extra").status_code == 404
    with load(checkout) as answers:
        handler.write_text(ROUTE)
        with checkout.edited(routes, old, new):
            checkout.deploy()
        assert checkout.get("/extra").text == "extra"
        handler.unlink()
        checkout.deploy()
    assert failed(answers) == []
    # As at AWS, CloudFormation removes it only after the stage's new snapshot was taken.
    assert checkout.get("/extra").status_code >= 400
    assert "quant-local-root-extra" not in checkout.versions()


def test_a_failed_deployment_says_so_and_the_old_version_goes_on_serving(
    checkout: Checkout,
) -> None:
    before = checkout.versions()
    header = checkout.get("/health").headers["Cache-Control"]
    # Lambda takes 4 KiB of environment variables at most.
    padding = (
        '"POWERTOOLS_SERVICE_NAME": name,\n'
        '**({"PADDING": "x" * 5000} if name == "health.ready" else {}),'
    )
    with (
        checkout.edited("functions/health/live.py", '"no-store"', '"no-cache"'),
        checkout.edited(
            "infra/components/function.py", '"POWERTOOLS_SERVICE_NAME": name,', padding
        ),
        load(checkout) as answers,
        pytest.raises(DeployError) as failure,
    ):
        checkout.deploy()
    assert failed(answers) == []
    message = str(failure.value)
    assert "quant-local-disclosures is UPDATE_ROLLBACK_COMPLETE: it is as it was before" in message
    assert "AWS::Lambda::Function HealthReady" in message
    assert checkout.versions() == before
    assert checkout.get("/health").headers["Cache-Control"] == header
    assert checkout.get("/health/ready").status_code == 200

    with checkout.edited("functions/health/live.py", '"no-store"', '"no-cache"'):
        checkout.deploy()
    assert checkout.get("/health").headers["Cache-Control"] == "no-cache"


def test_drift_is_found_and_named(checkout: Checkout) -> None:
    checkout.deploy()
    clean = checkout.cdk("drift", "--fail")
    assert clean.returncode == 0, clean.stdout
    functions, name = checkout.client("lambda"), "quant-local-health-live"
    timeout = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=timeout + 1)
    checkout.client("cloudwatch").delete_alarms(AlarmNames=["quant-local-limiter-fallback"])
    drifted = checkout.cdk("drift", "--fail")
    assert drifted.returncode == 1, drifted.stderr
    assert "AWS::Lambda::Function HealthLive/Function" in drifted.stdout
    assert f"[-] {timeout}" in drifted.stdout
    assert f"[+] {timeout + 1}" in drifted.stdout
    assert "AWS::CloudWatch::Alarm LimiterFallbackAlarm" in drifted.stdout
    assert "Number of resources with drift: 2" in drifted.stdout


def test_destruction_leaves_nothing_behind(checkout: Checkout) -> None:
    """But what CloudFormation did not make, and what the template says is kept."""
    kept = _remaining(checkout)
    assert all(kept[what] for what in ("functions", "queues", "roles", "secrets", "stacks"))
    # As docs/deploy.md says: CloudFormation deletes no bucket that holds something.
    for name in kept["buckets"]:
        _empty(checkout, name)
    destroyed = checkout.cdk("destroy", "--all", "--force")
    assert destroyed.returncode == 0, destroyed.stderr
    left = {what: names for what, names in _remaining(checkout).items() if names}
    # The account's role for access logs, one for all APIs of a region.
    [role] = left.pop("roles")
    assert "CloudWatchRole" in role
    assert left == {"secrets": set(MADE_BEFORE_DEPLOYMENT)}


def _empty(checkout: Checkout, bucket: str) -> None:
    client = checkout.client("s3")
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            client.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


# By the supervisor, in place of RDS and ElastiCache.
MADE_BEFORE_DEPLOYMENT = {
    "quant/local/database",
    "quant/local/database-admin",
    "quant/local/valkey",
}


def _remaining(checkout: Checkout) -> dict[str, set[str]]:
    """Names of what the stacks make, by kind."""

    def names(service: str, operation: str, key: str, name: str) -> set[str]:
        pages = checkout.client(service).get_paginator(operation).paginate()
        return {item[name] for page in pages for item in page.get(key, ())}

    stacks = checkout.client("cloudformation").describe_stacks()["Stacks"]
    queues = checkout.client("sqs").list_queues().get("QueueUrls", [])
    topics = checkout.client("sns").list_topics()["Topics"]
    buckets = names("s3", "list_buckets", "Buckets", "Name")
    vpcs = checkout.client("ec2").describe_vpcs()["Vpcs"]
    return {
        "stacks": {
            stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"
        },
        "functions": names("lambda", "list_functions", "Functions", "FunctionName"),
        "logs": names("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "roles": names("iam", "list_roles", "Roles", "RoleName"),
        "secrets": names("secretsmanager", "list_secrets", "SecretList", "Name"),
        "alarms": names("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "apis": names("apigateway", "get_rest_apis", "items", "name"),
        "plans": names("apigateway", "get_usage_plans", "items", "name"),
        "machines": names("stepfunctions", "list_state_machines", "stateMachines", "name"),
        "schedules": names("scheduler", "list_schedules", "Schedules", "Name"),
        "rules": names("events", "list_rules", "Rules", "Name"),
        "queues": set(queues),
        "topics": {topic["TopicArn"] for topic in topics},
        # Of the others some are the bootstrap's, some CloudFormation's own.
        "buckets": {name for name in buckets if name.startswith("quant-")},
        "networks": {vpc["VpcId"] for vpc in vpcs if not vpc["IsDefault"]},
    }
