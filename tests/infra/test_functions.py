"""Each route has its own function, packed and permitted for that route alone."""

from typing import Any

import pytest
from infra.stacks.api import AUTHORIZER
from infra_support import Assembly

from quant.tiers import TIERS
from quant_http.routes import ROUTES, Secret

NAMES = [*(route.name for route in ROUTES), AUTHORIZER]


def _role(properties: dict[str, Any]) -> str:
    name: str = properties["Role"]["Fn::GetAtt"][0]
    return name


def _actions(statement: dict[str, Any]) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else actions


def _resources(statement: dict[str, Any]) -> list[Any]:
    resources = statement["Resource"]
    return resources if isinstance(resources, list) else [resources]


def test_functions_are_the_routes_and_the_authorizer(assembly: Assembly) -> None:
    handlers = [item["Handler"] for item in assembly.properties("AWS::Lambda::Function")]
    assert sorted(handlers) == sorted(f"{name}.handler" for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_code_is_the_routes_own(assembly: Assembly, name: str) -> None:
    folder, module = name.split(".")
    own = {f"{folder}/__init__.py", f"{folder}/_shared.py", f"{folder}/{module}.py"}
    code = assembly.code(name)
    files = {str(path.relative_to(code)) for path in code.rglob("*") if path.is_file()}
    bundled = files - own
    bundles = [bundle for route in ROUTES if route.name == name for bundle in route.bundles]
    assert own <= files
    assert {file.split("/")[0] for file in bundled} == set(bundles)


def test_settings_are_the_route_tables(assembly: Assembly) -> None:
    for route in ROUTES:
        _, function = assembly.function(route.name)
        assert function["MemorySize"] == route.memory_mb
        assert function["Timeout"] == route.timeout_s < 29
        assert function["Runtime"] == "python3.13"
        variables = function["Environment"]["Variables"]
        assert variables["QUANT_ENVIRONMENT"] == assembly.config.environment
        assert variables["POWERTOOLS_SERVICE_NAME"] == route.name
        assert ("QUANT_DATABASE_HOST" in variables) is ("postgres" in route.stores)
        assert ("QUANT_VALKEY_HOST" in variables) is ("valkey" in route.stores)
        assert ("QUANT_TOKEN_JWKS_SECRET_ARN" in variables) is (Secret.JWKS in route.secrets)


def test_runs_on_arm_from_a_snapshot_on_aws(aws_assembly: Assembly) -> None:
    for function in aws_assembly.properties("AWS::Lambda::Function"):
        assert function["Architectures"] == ["arm64"]
        assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}


def test_each_has_its_own_role_log_group_and_live_alias(assembly: Assembly) -> None:
    functions = assembly.resources("AWS::Lambda::Function")
    logs = assembly.resources("AWS::Logs::LogGroup")
    roles, groups = set(), set()
    for logical_id, function in functions.items():
        properties = function["Properties"]
        roles.add(_role(properties))
        group = properties["LoggingConfig"]["LogGroup"]["Ref"]
        groups.add(group)
        expected = f"/aws/lambda/{properties['FunctionName']}"
        assert logs[group]["Properties"]["LogGroupName"] == expected
        assert logs[group]["Properties"]["RetentionInDays"] > 0
        [alias] = [
            alias
            for alias in assembly.properties("AWS::Lambda::Alias")
            if alias["FunctionName"] == {"Ref": logical_id}
        ]
        assert alias["Name"] == "live"
        [version] = alias["FunctionVersion"]["Fn::GetAtt"][:1]
        assert version in assembly.resources("AWS::Lambda::Version")
    assert len(roles) == len(groups) == len(functions) == len(NAMES)


def test_no_statement_covers_all_resources_but_the_vpc_attachment(assembly: Assembly) -> None:
    connected = {
        _role(function)
        for function in assembly.properties("AWS::Lambda::Function")
        if "VpcConfig" in function
    }
    for stack in assembly.templates:
        for policy in assembly.properties("AWS::IAM::Policy", stack):
            for statement in policy["PolicyDocument"]["Statement"]:
                assert not [action for action in _actions(statement) if "*" in action]
                if statement["Effect"] == "Allow" and "*" in _resources(statement):
                    assert statement["Sid"] == "AttachToVpc"
                    assert {action.split(":")[0] for action in _actions(statement)} == {"ec2"}
                    [role] = policy["Roles"]
                    assert role["Ref"] in connected


def test_code_itself_may_not_touch_network_interfaces(assembly: Assembly) -> None:
    for function in assembly.properties("AWS::Lambda::Function"):
        statements = {item.get("Sid"): item for item in assembly.statements(_role(function))}
        assert ("AttachToVpc" in statements) is ("VpcConfig" in function)
        if "VpcConfig" in function:
            denied = statements["NotFromCode"]
            assert denied["Effect"] == "Deny"
            assert denied["Action"] == statements["AttachToVpc"]["Action"]
            arn = denied["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]["Fn::Join"][1]
            assert arn[-1].endswith(f":function:{function['FunctionName']}")


def test_managed_policies_belong_to_the_accounts_logging_role_alone(assembly: Assembly) -> None:
    attached = [
        str(policy)
        for role in assembly.properties("AWS::IAM::Role")
        for policy in role.get("ManagedPolicyArns", [])
    ]
    assert len(attached) == 1
    assert "AmazonAPIGatewayPushToCloudWatchLogs" in attached[0]


def _secrets_read(assembly: Assembly, name: str) -> list[str]:
    """Return the secrets a function's role may read, each as the text of its reference."""
    _, function = assembly.function(name)
    return [
        str(resource)
        for statement in assembly.statements(_role(function))
        if "secretsmanager:GetSecretValue" in _actions(statement)
        for resource in _resources(statement)
    ]


def test_secrets_are_read_by_those_who_need_them(assembly: Assembly) -> None:
    local = assembly.config.environment == "local"
    names = {
        "postgres": "quant/local/database" if local else "DatabaseAppSecret",
        "valkey": "quant/local/valkey" if local else "CacheSecret",
        "jwks": "Jwks",
    }
    for route in ROUTES:
        expected = [names[needed] for needed in sorted({*route.stores, *route.secrets})]
        read = _secrets_read(assembly, route.name)
        assert len(read) == len(expected), route.name
        for name in expected:
            assert sum(name in secret for secret in read) == 1, (route.name, name)


def test_authorizer_reads_public_keys_and_tier_keys(assembly: Assembly) -> None:
    read = _secrets_read(assembly, AUTHORIZER)
    assert len(read) == 1 + len(TIERS)
    assert sum("Jwks" in secret for secret in read) == 1
    assert sum("KeySecret" in secret for secret in read) == len(TIERS)


def test_nobody_reads_the_signing_key(assembly: Assembly) -> None:
    for name in NAMES:
        assert not [secret for secret in _secrets_read(assembly, name) if "Signing" in secret]
        _, function = assembly.function(name)
        assert "Signing" not in str(function["Environment"])


def test_nobody_but_the_stores_clients_uses_the_data_key(aws_assembly: Assembly) -> None:
    for route in ROUTES:
        _, function = aws_assembly.function(route.name)
        uses = [
            statement
            for statement in aws_assembly.statements(_role(function))
            if "kms:Decrypt" in _actions(statement)
        ]
        assert bool(uses) is bool(route.stores), route.name
        for statement in uses:
            assert statement["Condition"] == {
                "StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
            }
