"""Whatever holds data keeps its logical id, and is kept where data are kept."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from infra_support import Assembly

SNAPSHOT = Path(__file__).with_name("stateful.json")
ENVIRONMENTS = ("local", "dev", "prod")

# What a deletion or a replacement loses: data, or what data are read by, or who subscribed.
STATEFUL = {
    "AWS::Backup::BackupVault",
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::EC2::VPC",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::Events::EventBus",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
}
# There is one for each function, with a fixed name: another logical id goes on with the same group.
_NAMED_ALIKE = "AWS::Logs::LogGroup"

# In prod these may go: what they hold can be made again, or has its value elsewhere.
REPLACEABLE = {
    "AWS::EC2::VPC": "holds nothing; CloudFormation refuses to replace it while it is in use",
    "AWS::ElastiCache::ServerlessCache": "a cache; daily snapshots are kept beside it",
    "AWS::Events::EventBus": "holds no event",
    "AWS::RDS::DBInstance": "of a cluster, which has the data",
}

RENAMED = (
    "A resource with data has another logical id, type or policy, or there are more or fewer. "
    "CloudFormation makes a resource with a new logical id from nothing and deletes or orphans the "
    "old one WITH ITS DATA. If that is meant, see to the data and run `make snapshot`."
)
COUNTED = "The stacks have more or fewer resources. If that is meant, run `make snapshot`."


def _resources(assembly: Assembly) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for stack, template in sorted(assembly.templates.items()):
        for name, resource in sorted(template["Resources"].items()):
            yield stack, name, resource


def _stateful(assembly: Assembly) -> dict[str, list[str]]:
    """Return type, deletion policy and replacement policy of what holds data, by its path."""
    return {
        f"{stack}/{name}": [
            resource["Type"],
            resource.get("DeletionPolicy", "Delete"),
            resource.get("UpdateReplacePolicy", "Delete"),
        ]
        for stack, name, resource in _resources(assembly)
        if resource["Type"] in STATEFUL and resource["Type"] != _NAMED_ALIKE
    }


def _counts(assembly: Assembly) -> dict[str, dict[str, int]]:
    """Return the number of resources by stack and type."""
    return {
        stack: dict(
            sorted(Counter(item["Type"] for item in template["Resources"].values()).items())
        )
        for stack, template in sorted(assembly.templates.items())
    }


def _present(assembly: Assembly) -> dict[str, Any]:
    return {"stateful": _stateful(assembly), "counts": _counts(assembly)}


@pytest.fixture(scope="module")
def snapshot(assemble: Callable[[str], Assembly]) -> dict[str, Any]:
    """Return what was written down; ``make snapshot`` writes it anew."""
    if os.environ.get("QUANT_WRITE_SNAPSHOT"):
        present = {name: _present(assemble(name)) for name in ENVIRONMENTS}
        SNAPSHOT.write_text(json.dumps(present, indent=1, sort_keys=True) + "\n")
    return dict(json.loads(SNAPSHOT.read_text()))


def test_what_holds_data_is_what_was_written_down(
    assembly: Assembly, snapshot: dict[str, Any]
) -> None:
    known = snapshot[assembly.config.environment]["stateful"]
    assert known
    assert _stateful(assembly) == known, RENAMED


def test_stacks_have_the_resources_that_were_written_down(
    assembly: Assembly, snapshot: dict[str, Any]
) -> None:
    assert _counts(assembly) == snapshot[assembly.config.environment]["counts"], COUNTED


def test_production_keeps_what_holds_data(assemble: Callable[[str], Assembly]) -> None:
    lost = {
        f"{stack}/{name}"
        for stack, name, resource in _resources(assemble("prod"))
        if resource["Type"] in STATEFUL.difference(REPLACEABLE)
        for policy in ("DeletionPolicy", "UpdateReplacePolicy")
        if resource.get(policy) not in {"Retain", "RetainExceptOnCreate", "Snapshot"}
    }
    assert not lost


def test_production_stacks_refuse_to_be_deleted(assemble: Callable[[str], Assembly]) -> None:
    manifest = json.loads((assemble("prod").folder / "manifest.json").read_text())
    stacks = {
        name: artifact["properties"]
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert stacks
    assert {name for name, stack in stacks.items() if not stack["terminationProtection"]} == set()
