"""Backups: what is kept, how long, who may touch it, and the drill that restores each dump."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from infra.config import BackupConfig
from infra.paths import ROOT
from infra_support import Assembly, as_list, dummy_artefacts, synthesise, text_of

STACK = "Recovery"


def _settings(assembly: Assembly) -> BackupConfig:
    assert assembly.config.backup is not None
    return assembly.config.backup


def _only(assembly: Assembly, kind: str) -> dict[str, Any]:
    [properties] = assembly.properties(kind, STACK)
    return properties


def _allowed(assembly: Assembly, role_id: str) -> dict[str, list[str]]:
    """Return the resources by action that a role may use."""
    return {
        action: [text_of(resource) or str(resource) for resource in as_list(statement["Resource"])]
        for statement in assembly.statements(role_id)
        for action in as_list(statement["Action"])
        if statement["Effect"] == "Allow"
    }


def _role(assembly: Assembly, part: str) -> str:
    [role] = [name for name in assembly.resources("AWS::IAM::Role", STACK) if part in name]
    return role


def _task(assembly: Assembly, command: str) -> tuple[str, dict[str, Any]]:
    """Return logical id and properties of the task with a command of ``quant backup``."""
    [found] = [
        (name, resource["Properties"])
        for name, resource in assembly.resources("AWS::ECS::TaskDefinition", STACK).items()
        if resource["Properties"]["ContainerDefinitions"][0]["Command"][1] == command
    ]
    return found


def test_nobody_deletes_from_the_vault(aws_assembly: Assembly) -> None:
    settings, vault = _settings(aws_assembly), _only(aws_assembly, "AWS::Backup::BackupVault")
    [statement] = vault["AccessPolicy"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == {"AWS": "*"}
    assert set(statement["Action"]) == {
        "backup:DeleteRecoveryPoint",
        "backup:UpdateRecoveryPointLifecycle",
    }
    lock = vault["LockConfiguration"]
    assert (lock["MinRetentionDays"], lock["MaxRetentionDays"]) == (
        settings.daily_days,
        settings.monthly_days,
    )
    # In production the lock becomes final; elsewhere whoever may change the vault can take it off.
    assert lock.get("ChangeableForDays") == settings.lock_days
    assert (settings.lock_days is not None) == aws_assembly.config.retain_data
    [key] = aws_assembly.resources("AWS::KMS::Key", STACK)
    assert vault["EncryptionKeyArn"]["Fn::GetAtt"][0] == key


def test_database_and_documents_are_backed_up_by_day_and_month(aws_assembly: Assembly) -> None:
    settings, config = _settings(aws_assembly), aws_assembly.config
    rules = _only(aws_assembly, "AWS::Backup::BackupPlan")["BackupPlan"]["BackupPlanRule"]
    kept = {rule["RuleName"]: rule["Lifecycle"]["DeleteAfterDays"] for rule in rules}
    assert kept == {"daily": settings.daily_days, "monthly": settings.monthly_days}
    selection = _only(aws_assembly, "AWS::Backup::BackupSelection")["BackupSelection"]
    database, raw = map(text_of, selection["Resources"])
    [instance] = aws_assembly.properties("AWS::RDS::DBInstance", "Data")
    assert database.endswith(f":db:{instance['DBInstanceIdentifier']}")
    bucket, _ = aws_assembly.bucket("Raw")
    assert raw.endswith(f":s3:::{text_of(bucket['Properties']['BucketName'])}")
    # AWS Backup takes a bucket only if it has versions.
    assert bucket["Properties"]["VersioningConfiguration"]["Status"] == "Enabled"
    assert config.replica_region is None
    assert not any(rule.get("CopyActions") for rule in rules)


def test_the_role_of_backups_makes_them_and_restores_nothing(aws_assembly: Assembly) -> None:
    allowed = _allowed(aws_assembly, _role(aws_assembly, "BackupsRole"))
    assert "s3:PutObject" not in allowed
    assert not [action for action in allowed if "Restore" in action or "ModifyDB" in action]
    # Deleting concerns what AWS Backup itself has made.
    for action in ("rds:DeleteDBSnapshot", "rds:DeleteDBClusterSnapshot"):
        assert all(":awsbackup:*" in resource for resource in allowed[action])
    assert all("-raw-" in resource for resource in allowed["s3:GetObject"])


def test_dumps_cannot_be_changed_before_their_time(aws_assembly: Assembly) -> None:
    settings, bucket = _settings(aws_assembly), _only(aws_assembly, "AWS::S3::Bucket")
    lock = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    mode = "GOVERNANCE" if settings.lock_days is None else "COMPLIANCE"
    assert lock == {"Days": settings.daily_days, "Mode": mode}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    [kept] = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if rule["Id"] == "kept"]
    assert kept["ExpirationInDays"] == settings.monthly_days
    [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    [key] = aws_assembly.resources("AWS::KMS::Key", STACK)
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0] == key


def test_the_drill_reads_the_database_and_adds_to_the_bucket(aws_assembly: Assembly) -> None:
    _, task = _task(aws_assembly, "drill")
    allowed = _allowed(aws_assembly, task["TaskRoleArn"]["Fn::GetAtt"][0])
    assert set(allowed) == {
        "rds-db:connect",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "kms:GenerateDataKey",
        "kms:Decrypt",
        # What the container's log driver has is the execution role's.
    }
    assert all(resource.endswith("/database/*") for resource in allowed["s3:PutObject"])
    [login] = allowed["rds-db:connect"]
    assert "quant_backup" in login
    [container] = task["ContainerDefinitions"]
    variables = {each["Name"]: text_of(each["Value"]) for each in container["Environment"]}
    assert variables["QUANT_DATABASE_AUTH"] == "iam"
    assert variables["QUANT_DATABASE_USER"] == "quant_backup"
    assert variables["QUANT_DATABASE_TLS"] == "true"
    assert "Secrets" not in container
    assert text_of(container["Command"][2]).startswith("s3://<Dumps")


def test_an_operator_restores_by_a_task_that_writes_no_backup(aws_assembly: Assembly) -> None:
    name, task = _task(aws_assembly, "restore")
    allowed = _allowed(aws_assembly, task["TaskRoleArn"]["Fn::GetAtt"][0])
    assert set(allowed) == {"rds-db:connect", "s3:GetObject", "s3:ListBucket", "kms:Decrypt"}
    assert "quant_admin" in allowed["rds-db:connect"][0]
    # Nothing but a person runs it.
    assert name not in str(_only(aws_assembly, "AWS::StepFunctions::StateMachine"))
    assert name not in str(aws_assembly.statements(_role(aws_assembly, "DrillMachineRole")))


def test_the_schema_step_makes_the_role_of_backups(aws_assembly: Assembly) -> None:
    variables = aws_assembly.function("schema.migrate")[1]["Environment"]["Variables"]
    assert "Backup" in str(variables["QUANT_ROLES_BACKUP_SECRET_ARN"])


def test_the_drill_runs_every_day_and_is_told_of(aws_assembly: Assembly) -> None:
    config = aws_assembly.config
    schedule = _only(aws_assembly, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == _settings(aws_assembly).drill
    _, _, day, month, weekday, _ = _settings(aws_assembly).drill.removeprefix("cron(").split()
    assert {day, month} == {"*"}
    assert weekday == "?"
    alarms = {
        alarm["AlarmName"]: alarm
        for alarm in aws_assembly.properties("AWS::CloudWatch::Alarm", STACK)
    }
    assert set(alarms) == {
        config.name(name)
        for name in (
            "backup-failed",
            "restore-drill",
            "restore-drill-silent",
            "restore-drill-unstarted",
        )
    }
    assert alarms[config.name("restore-drill-silent")]["TreatMissingData"] == "breaching"


def test_the_machine_runs_this_task_alone(aws_assembly: Assembly) -> None:
    allowed = _allowed(aws_assembly, _role(aws_assembly, "DrillMachineRole"))
    task, _ = _task(aws_assembly, "drill")
    assert allowed["ecs:RunTask"] == [f"<{task}>"]
    assert all("restore-drill/*" in resource for resource in allowed["ecs:StopTask"])
    assert len(allowed["iam:PassRole"]) == 2


def test_failed_jobs_of_this_vault_are_set_aside(aws_assembly: Assembly) -> None:
    pattern = _only(aws_assembly, "AWS::Events::Rule")["EventPattern"]
    assert pattern["source"] == ["aws.backup"]
    assert set(pattern["detail"]["state"]) == {"FAILED", "ABORTED", "EXPIRED"}
    vault = aws_assembly.config.name("backups")
    assert {"backupVaultName": [vault]} in pattern["detail"]["$or"]


def test_the_image_is_locked(aws_assembly: Assembly) -> None:
    [container] = _task(aws_assembly, "drill")[1]["ContainerDefinitions"]
    digest = container["Image"]["Fn::Sub"].rpartition(":")[2]
    context = aws_assembly.folder / f"asset.{digest}"
    assert {path.name for path in context.iterdir()} == {
        "Dockerfile",
        "requirements.txt",
        "python",
    }
    lock = ROOT / "infra/images/backup/requirements.txt"
    assert (context / "requirements.txt").read_bytes() == lock.read_bytes()
    text = (context / "Dockerfile").read_text()
    assert "--require-hashes" in text
    assert "USER postgres" in text
    assert (context / "python/quant/backup/drill.py").exists()


def test_local_has_no_backups_of_its_own(assemble: Callable[[str], Assembly]) -> None:
    assert STACK not in assemble("local").templates


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    root: Path = tmp_path_factory.mktemp("replicated")
    (root / "artefacts").mkdir()
    artefacts = dummy_artefacts(root / "artefacts")
    return synthesise("prod", artefacts, root / "out", replica_region="us-west-2")


def test_points_are_copied_to_the_other_region(replicated: Assembly) -> None:
    rules = _only(replicated, "AWS::Backup::BackupPlan")["BackupPlan"]["BackupPlanRule"]
    vaults = {
        text_of(copy["DestinationBackupVaultArn"]) for rule in rules for copy in rule["CopyActions"]
    }
    [vault] = replicated.properties("AWS::Backup::BackupVault", "RecoveryReplica")
    assert len(vaults) == 1
    name = vault["BackupVaultName"]
    assert vaults.pop().endswith(f":us-west-2:<AWS::AccountId>:backup-vault:{name}")
    assert vault["LockConfiguration"]["ChangeableForDays"] == 3
