"""The stacks on AWS break no rule of cdk-nag but those accepted, each with a reason that holds."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from infra.rules import PACK, finding
from infra_support import Assembly

# A reason shorter than this says that there is one, not which.
LEAST_REASON = 40

AWS = ("dev", "prod")


def _report(assembly: Assembly) -> dict[str, Any]:
    """Return the report of the rules, which CDK wrote beside the templates."""
    reports = json.loads((assembly.folder / "validation-report.json").read_text())["pluginReports"]
    [report] = [report for report in reports if report["pluginName"] == PACK]
    return dict(report)


def _accepted(assembly: Assembly) -> Iterator[tuple[str, str, str]]:
    """Yield path, rule and reason of whatever is accepted, from the constructs' metadata."""
    for file in sorted(assembly.folder.glob("*.metadata.json")):
        for path, entries in json.loads(file.read_text()).items():
            for entry in entries:
                if entry["type"] != "aws:cdk:acknowledged-rules":
                    continue
                for rule, reason in entry["data"].items():
                    if rule.startswith(f"{PACK}::"):
                        yield path.lstrip("/"), rule.removeprefix(f"{PACK}::"), reason


def _used(assembly: Assembly) -> set[tuple[str, str]]:
    """Return construct and rule of what is accepted and occurs."""
    return {
        (violation["acknowledgedAt"], violation["ruleName"])
        for violation in _report(assembly).get("suppressedViolations", ())
    }


def test_nothing_breaks_a_rule_that_is_not_accepted(aws_assembly: Assembly) -> None:
    broken = sorted(
        f"{construct['constructPath']}: {violation['ruleName']} ({violation['description']})"
        for violation in _report(aws_assembly)["violations"]
        for construct in violation["violatingConstructs"]
    )
    assert not broken, "mend it, or accept it with a reason (infra/rules.py):\n" + "\n".join(broken)


def test_reasons_say_something(aws_assembly: Assembly) -> None:
    accepted = list(_accepted(aws_assembly))
    assert accepted
    short = {(path, rule) for path, rule, reason in accepted if len(reason) < LEAST_REASON}
    assert not short


def test_what_is_accepted_occurs(assemble: Callable[[str], Assembly]) -> None:
    # What one environment has and the other does not, a construct may accept in both.
    accepted = {(path, rule) for name in AWS for path, rule, _ in _accepted(assemble(name))}
    used = {pair for name in AWS for pair in _used(assemble(name))}
    # Names of resources begin with the environment.
    stale = sorted(accepted - used)
    assert not stale, f"accepted, but nothing there breaks the rule: {stale}"


def test_no_rule_is_accepted_for_a_whole_stack(aws_assembly: Assembly) -> None:
    assert not [path for path, _, _ in _accepted(aws_assembly) if "/" not in path]


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ("<RawBucketC1E7F0A2.Arn>/raw/*", "<RawBucket>/raw/*"),
        (
            "quant-dev-data:ExportsOutputFnGetAttMlBucket9B93B6B1Arn6A8713AD/runs/*/plan.json",
            "<MlBucket>/runs/*/plan.json",
        ),
        ("quant-dev-data:ExportsOutputRefMlBucket9B93B6B16A8713AD/*", "<MlBucket>/*"),
        (
            "arn:<AWS::Partition>:states:us-east-1:<AWS::AccountId>:execution:"
            '{"Fn::Select":[6,{"Fn::Split":[":",{"Ref":"TrainingMachine6E7C026F"}]}]}:*',
            "states:execution:<TrainingMachine>:*",
        ),
        ("arn:<AWS::Partition>:iam::aws:policy/Any", "arn:<AWS::Partition>:iam::aws:policy/Any"),
    ],
)
def test_findings_are_named_without_hashes(found: str, named: str) -> None:
    assert (
        finding(f"AwsSolutions-IAM5[Resource::{found}]") == f"AwsSolutions-IAM5[Resource::{named}]"
    )
