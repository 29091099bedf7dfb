"""The workflows of the repository: what they may, what they run, and that they run all of it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from infra.build import AWS_PYTHON
from infra.paths import ROOT

WORKFLOWS = {path.name: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
ACTIONS = {path.parent.name: path for path in (ROOT / ".github" / "actions").glob("*/action.yml")}
# Those that take on a role of the account.
WITH_ROLES = {"deploy.yml", "diff.yml", "promote.yml"}

PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
OWN = re.compile(r"uses: \./\.github/(workflows/[\w-]+\.yml|actions/[\w-]+)$")


def document(name: str) -> dict[str, Any]:
    # In YAML 1.1, which PyYAML reads, the key ``on`` is a boolean.
    found: dict[Any, Any] = yaml.safe_load(WORKFLOWS[name].read_text())
    return {"on" if key is True else key: value for key, value in found.items()}


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document(name)["jobs"]
    return found


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in jobs(name).values():
        yield from job.get("steps", ())


def commands() -> Iterator[str]:
    for name in WORKFLOWS:
        yield from (step["run"] for step in steps(name) if "run" in step)
    for path in ACTIONS.values():
        action = yaml.safe_load(path.read_text())
        yield from (step["run"] for step in action["runs"]["steps"] if "run" in step)


def test_what_is_used_is_pinned_by_its_commit() -> None:
    """A tag can be moved to other code; the version beside the commit is for the reader."""
    found = [
        line.strip().removeprefix("- ")
        for path in (*WORKFLOWS.values(), *ACTIONS.values())
        for line in path.read_text().splitlines()
        if re.match(r"\s*(- )?uses:", line)
    ]
    assert found
    assert [line for line in found if not (PINNED.match(line) or OWN.match(line))] == []
    commits: dict[str, set[str]] = {}
    for line in found:
        action, at, pin = line.removeprefix("uses: ").partition("@")
        if at:
            commits.setdefault(action, set()).add(pin)
    assert [action for action, pins in commits.items() if len(pins) > 1] == []
    own = {action for line in found for action in OWN.findall(line)}
    assert all((ROOT / ".github" / action).exists() for action in own)
    # Everybody else's are GitHub's and AWS's own.
    assert {action.partition("/")[0] for action in commits} == {"actions", "aws-actions"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_reads_the_repository_and_a_job_of_a_role_asks_for_a_token(name: str) -> None:
    assert document(name)["permissions"] == {"contents": "read"}
    for job in jobs(name).values():
        permissions = job.get("permissions", {"contents": "read"})
        with_token = {"contents": "read", "id-token": "write"}
        assert permissions in ({"contents": "read"}, with_token)
        if permissions == with_token:
            assert name in WITH_ROLES


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_of_a_fork_runs_with_rights(name: str) -> None:
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(document(name)["on"])
    text = WORKFLOWS[name].read_text()
    # There are none: roles are taken on by tokens, and their ARNs are variables.
    assert not re.search(r"secrets\b|AWS_ACCESS_KEY|AWS_SECRET|aws-access-key|inherit", text)
    # What others may name is no part of a script.
    assert not [step for step in steps(name) if "${{" in step.get("run", "")]
    checkouts = [step for step in steps(name) if step.get("uses", "").startswith("actions/chec")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_jobs_end(name: str) -> None:
    for job in jobs(name).values():
        assert "uses" in job or 0 < job["timeout-minutes"] <= 180


def test_roles_are_taken_on_where_they_trust() -> None:
    """By the subjects of ``infra.stacks.delivery``: an environment, or a pull request."""
    [promote] = jobs("promote.yml").values()
    assert promote["environment"] == "${{ inputs.environment }}"
    environments = {
        job["with"]["environment"] for job in jobs("deploy.yml").values() if "with" in job
    }
    assert environments == {"dev", "prod"}
    assert set(document("diff.yml")["on"]) == {"pull_request"}
    for name, role in (("promote.yml", "DEPLOY_ROLE_ARN"), ("diff.yml", "DIFF_ROLE_ARN")):
        [step] = [step for step in steps(name) if "role-to-assume" in step.get("with", {})]
        assert step["with"]["role-to-assume"] == f"${{{{ vars.{role} }}}}"
        assert step["with"]["aws-region"] == "us-east-1"
    # Only after all of these is anything deployed, and to prod only what dev has.
    needs = {name: job.get("needs") for name, job in jobs("deploy.yml").items()}
    assert needs == {"ci": None, "build": "ci", "dev": "build", "prod": "dev"}
    assert document("deploy.yml")["concurrency"] == {
        "group": "deploy",
        "cancel-in-progress": False,
    }


def test_commands_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {target for command in commands() for target in re.findall(r"\bmake (\S+)", command)}
    assert called <= targets
    assert {"lint", "test", "audit", "sbom", "licences", "diff", "promote", "smoke"} <= called


def test_every_folder_of_tests_is_run() -> None:
    included = jobs("ci.yml")["test"]["strategy"]["matrix"]["include"]
    run = {folder for each in included for folder in each["tests"].split()}
    there = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/test_*.py")}
    assert run == there
    assert "test-localstack" in {command.removeprefix("make ") for command in commands()}


def test_python_is_that_of_lambda() -> None:
    """Another one's bytecode would not be built into the layers."""
    setup = yaml.safe_load(ACTIONS["setup"].read_text())
    [version] = [
        step["with"]["python-version"]
        for step in setup["runs"]["steps"]
        if step.get("uses", "").startswith("actions/setup-python")
    ]
    assert tuple(map(int, version.split("."))) == AWS_PYTHON
