"""Aurora Serverless in the place of the RDS instance: the same to all who connect."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment
from infra.config import REGION, AuroraCapacity, Config, config
from infra.stacks.data import DataStack
from infra.stacks.network import NetworkStack
from infra_support import LOCAL_CONTEXT, PROJECT

CAPACITY = AuroraCapacity(least=0.5, most=8)


def _templates(settings: Config, folder: Path) -> dict[str, dict[str, Any]]:
    """Synthesise what the database is in and what it is reached through."""
    flags = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=str(folder), context=flags)
    common: dict[str, Any] = {"config": settings, "env": Environment(region=REGION)}
    network = NetworkStack(app, "Network", stack_name=settings.name("network"), **common)
    DataStack(app, "Data", stack_name=settings.name("data"), network=network, **common)
    return {stack.id: stack.template for stack in app.synth().stacks}


@pytest.fixture(scope="module", params=("dev", "prod"))
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The settings of an environment, its templates, and those with a cluster."""
    settings = config(request.param, LOCAL_CONTEXT.get)
    assert settings.database is not None
    cluster = replace(settings, database=replace(settings.database, aurora=CAPACITY))
    return (
        settings,
        _templates(settings, tmp_path_factory.mktemp("instance")),
        _templates(cluster, tmp_path_factory.mktemp("cluster")),
    )


def _properties(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item["Properties"] for item in template["Resources"].values() if item["Type"] == kind]


def test_nothing_changes_but_the_server(both: Any) -> None:
    _, instance, cluster = both
    assert instance["Network"] == cluster["Network"]
    # Whoever connects imports no other value.
    assert instance["Data"]["Outputs"] == cluster["Data"]["Outputs"]
    before, after = instance["Data"]["Resources"], cluster["Data"]["Resources"]
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    own = {name for name in changed if name not in before or name not in after}
    assert all(
        name.startswith(("DatabaseInstance", "DatabaseCluster", "DatabaseParameters"))
        for name in own
    )
    # What names the server. CloudFormation refuses another type under the same name.
    assert {(before[name]["Type"], after[name]["Type"]) for name in changed - own} == {
        ("AWS::RDS::DBProxyTargetGroup", "AWS::RDS::DBProxyTargetGroup"),
        ("AWS::SecretsManager::SecretTargetAttachment",) * 2,
    }


def test_cluster_scales_within_its_bounds_and_bears_the_loss_of_a_zone(both: Any) -> None:
    settings, _, templates = both
    [cluster] = _properties(templates["Data"], "AWS::RDS::DBCluster")
    assert cluster["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 8}
    instances = _properties(templates["Data"], "AWS::RDS::DBInstance")
    assert len(instances) == (2 if settings.database.multi_az else 1)
    for instance in instances:
        assert instance["DBInstanceClass"] == "db.serverless"
        assert instance["PubliclyAccessible"] is False
        # The reader has the writer's size.
        assert instance["PromotionTier"] <= 1


def test_cluster_is_as_hardened_as_the_instance(both: Any) -> None:
    _, templates, aurora = both
    [instance] = _properties(templates["Data"], "AWS::RDS::DBInstance")
    [cluster] = _properties(aurora["Data"], "AWS::RDS::DBCluster")
    for name in (
        "BackupRetentionPeriod",
        "DatabaseInsightsMode",
        "DeletionProtection",
        "EnableIAMDatabaseAuthentication",
        "KmsKeyId",
        "MasterUserPassword",
        "StorageEncrypted",
        "VPCSecurityGroups",
    ):
        same = {"VPCSecurityGroups": "VpcSecurityGroupIds"}.get(name, name)
        assert cluster[same] == instance[name], name
    assert cluster["EngineVersion"].partition(".")[0] == instance["EngineVersion"] == "18"
    [of_instance] = _properties(templates["Data"], "AWS::RDS::DBParameterGroup")
    [of_cluster] = _properties(aurora["Data"], "AWS::RDS::DBClusterParameterGroup")
    assert of_cluster["Parameters"] == of_instance["Parameters"]
    [targets] = _properties(aurora["Data"], "AWS::RDS::DBProxyTargetGroup")
    assert "DBInstanceIdentifiers" not in targets
    assert len(targets["DBClusterIdentifiers"]) == 1
