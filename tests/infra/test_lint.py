"""The templates pass cfn-lint and checkov, but for what is accepted here, each with a reason.

checkov has an environment of its own, because its pins contradict the project's: uv makes it from
``checkov-requirements.txt`` when it is first needed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from infra_support import PROJECT, Assembly
from supervisor.commands import Commands
from supervisor.environments import Environment, ensure
from supervisor.state import DEFAULT_ROOT, exclusive

AWS = ("dev", "prod")

# Rules of cfn-lint that are not asked for.
IGNORED = {
    "W3005": "CDK writes dependencies out that a reference implies as well; both are true",
    "W6001": "a stack may show its operator the name of what another one holds",
}


@dataclass(frozen=True)
class Accepted:
    """What is accepted of a check of checkov.

    Attributes:
        check: Its identifier.
        resources: Pattern of ``<type>.<logical id>`` that it is accepted of.
        reason: Why.
    """

    check: str
    resources: str
    reason: str


# https://www.checkov.io/5.Policy%20Index/cloudformation.html
ACCEPTED = (
    Accepted(
        "CKV_AWS_18",
        r"AWS::S3::Bucket\.AccessLog\w+",
        "The bucket of the access logs would log its own log.",
    ),
    Accepted(
        "CKV_AWS_18",
        r"AWS::S3::Bucket\.Dumps\w+",
        "One task writes it, whose log names each backup; a bucket of logs would outlive it.",
    ),
    Accepted(
        "CKV_AWS_27",
        r"AWS::SQS::Queue\.\w+",
        "SQS encrypts them by keys of its own (SqsManagedSseEnabled), which the check overlooks.",
    ),
    Accepted(
        "CKV_AWS_59",
        r"AWS::ApiGateway::Method\.\w+",
        "Public as the table of routes declares (test_openapi_template.py).",
    ),
    Accepted(
        "CKV_AWS_65",
        r"AWS::ECS::Cluster\.(Tracking|Drill)Cluster\w+",
        "Insights bill some twenty metrics for one task, whose processor and memory ECS measures.",
    ),
    Accepted(
        "CKV_AWS_111",
        r"AWS::IAM::(Role|Policy)\.\w+",
        "Each action allowed on all resources has its reason in test_iam.py.",
    ),
    Accepted(
        "CKV_AWS_115",
        r"AWS::Lambda::Function\.\w+",
        "What takes no connection of a store needs no bound: stage, queue or machine has one.",
    ),
    Accepted(
        "CKV_AWS_116",
        r"AWS::Lambda::Function\.\w+",
        "Invoked synchronously, or by queues and schedules that retry and set aside themselves.",
    ),
    Accepted(
        "CKV_AWS_117",
        r"AWS::Lambda::Function\.\w+",
        "What uses no store is outside the network; test_functions.py holds it to that.",
    ),
    Accepted(
        "CKV_AWS_120",
        r"AWS::ApiGateway::Stage\.\w+",
        "Answers depend on who asks; Valkey and entity tags cache them, a cluster bills by hour.",
    ),
    Accepted(
        "CKV_AWS_149",
        r"AWS::SecretsManager::Secret\.(Api\w+KeySecret|SigningKey|Jwks|Webhook|Prices)\w+",
        "Encrypted by AWS's own key; one of ours would have to be granted to every reader.",
    ),
    Accepted(
        "CKV_AWS_157",
        r"AWS::RDS::DBInstance\.\w+",
        "dev has one zone: what it holds can be made again.",
    ),
    Accepted(
        "CKV_AWS_158",
        r"AWS::Logs::LogGroup\.\w+",
        "CloudWatch encrypts them by a key of its own; lines hold no secret and no address.",
    ),
    Accepted(
        "CKV_AWS_173",
        r"AWS::Lambda::Function\.\w+",
        "The variables are names and addresses; what is secret is in Secrets Manager.",
    ),
)


@pytest.fixture(scope="module")
def checkov(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program, installed if it is not there yet."""
    lock = Path(__file__).with_name("checkov-requirements.txt")
    environment = Environment(DEFAULT_ROOT / "envs" / "checkov", lock)
    with exclusive(DEFAULT_ROOT / "envs" / "lock"):
        ensure(environment, Commands(tmp_path_factory.mktemp("logs")))
    return environment.path / "bin" / "checkov"


@pytest.fixture(scope="module")
def broken(
    checkov: Path, assemble: Callable[[str], Assembly], tmp_path_factory: pytest.TempPathFactory
) -> set[tuple[str, str]]:
    """Return check and resource of all that checkov finds in the templates of AWS."""
    folder = tmp_path_factory.mktemp("templates")
    for environment in AWS:
        for file in assemble(environment).folder.glob("*.template.json"):
            shutil.copy(file, folder / f"{environment}-{file.name}")
    command = [checkov, "--directory", folder, "--framework", "cloudformation", "--compact"]
    run = subprocess.run(
        [*map(str, command), "--quiet", "--output", "json", "--skip-download"],
        # It would ask its maker's server how its checks map to theirs.
        env={**os.environ, "BC_SKIP_MAPPING": "TRUE"},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(run.stdout)
    assert report["summary"]["parsing_errors"] == 0
    # All of them were read: a bucket, a function and a role have a dozen checks each.
    assert report["summary"]["passed"] > report["summary"]["resource_count"]
    return {(found["check_id"], found["resource"]) for found in report["results"]["failed_checks"]}


def _accepting(check: str, resource: str) -> Iterator[Accepted]:
    for accepted in ACCEPTED:
        if accepted.check == check and re.fullmatch(accepted.resources, resource):
            yield accepted


def test_checkov_finds_nothing_that_is_not_accepted(broken: set[tuple[str, str]]) -> None:
    unexplained = sorted(pair for pair in broken if not any(_accepting(*pair)))
    assert not unexplained


def test_what_is_accepted_of_checkov_occurs(broken: set[tuple[str, str]]) -> None:
    used = {accepted for pair in broken for accepted in _accepting(*pair)}
    assert set(ACCEPTED) == used


def test_cfn_lint_finds_nothing(assembly: Assembly) -> None:
    templates = sorted(map(str, assembly.folder.glob("*.template.json")))
    assert templates
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("cfn-lint")),
            *("--regions", "us-east-1", "--format", "parseable"),
            *(option for rule in IGNORED for option in ("--ignore-checks", rule)),
            "--",
            *templates,
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
