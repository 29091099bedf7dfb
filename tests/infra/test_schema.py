"""The schema comes before the code: one resource, whose change has a function invoked."""

import json
from pathlib import Path

from infra.schema_functions import MIGRATE, SCHEMA_FUNCTIONS
from infra_support import Assembly

from quant.db.schema import SCHEMA_REVISION


def test_a_new_revision_has_the_function_invoked(assembly: Assembly) -> None:
    [revision] = assembly.properties("Custom::Schema", "Schema")
    [alias] = assembly.resources("AWS::Lambda::Alias", "Schema")
    assert revision == {
        "ServiceToken": {"Ref": alias},
        "ServiceTimeout": "960",
        "SchemaRevision": SCHEMA_REVISION,
    }
    # An answer may come as late as the function runs.
    assert int(revision["ServiceTimeout"]) > SCHEMA_FUNCTIONS[MIGRATE].timeout_s


def test_no_code_is_deployed_before_its_schema(assembly: Assembly) -> None:
    manifest = json.loads(Path(assembly.folder, "manifest.json").read_text())
    for stack, template in assembly.templates.items():
        kinds = {resource["Type"] for resource in template["Resources"].values()}
        if "AWS::Lambda::Function" in kinds and stack not in {"Schema", "Recovery"}:
            assert "Schema" in manifest["artifacts"][stack]["dependencies"], stack


def test_one_migrates_at_a_time_and_answers_by_s3(assembly: Assembly) -> None:
    _, function = assembly.function(MIGRATE)
    assert function["ReservedConcurrentExecutions"] == 1
    groups = json.dumps(function["VpcConfig"]["SecurityGroupIds"])
    assert "PostgresClients" in groups
    assert "BucketClients" in groups


def test_migrations_are_in_the_code_of_this_function_alone(assembly: Assembly) -> None:
    for logical_id, function in assembly.functions().items():
        name = function["FunctionName"]
        if "ImageUri" not in function["Code"]:
            digest = function["Code"]["S3Key"].removesuffix(".zip")
            has = (assembly.folder / f"asset.{digest}" / "migrations").is_dir()
            assert has is name.endswith("schema-migrate"), logical_id


def test_may_make_keys_and_no_other_secret(aws_assembly: Assembly) -> None:
    _, function = aws_assembly.function(MIGRATE)
    role = function["Role"]["Fn::GetAtt"][0]
    [put] = [
        statement
        for statement in aws_assembly.statements(role)
        if statement["Action"] == "secretsmanager:PutSecretValue"
    ]
    text = json.dumps(put["Resource"])
    assert len(put["Resource"]) == 2
    assert "SigningKey" in text
    assert "Jwks" in text
    variables = function["Environment"]["Variables"]
    assert "AppSecret" in json.dumps(variables["QUANT_ROLES_APPLICATION_SECRET_ARN"])
    assert "TrackingSecret" in json.dumps(variables["QUANT_ROLES_TRACKING_SECRET_ARN"])


def test_roles_of_the_local_database_are_the_supervisors(assemble) -> None:
    _, function = assemble("local").function(MIGRATE)
    assert not [name for name in function["Environment"]["Variables"] if "ROLES" in name]
