"""Data stores: encrypted and private on AWS, replaced by endpoints locally, reached by few."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from infra.all_functions import FUNCTIONS
from infra.config import S3_PREFIX_LIST
from infra_support import LOCAL_CONTEXT, STACKS, Assembly, as_list

from quant_http.routes import Store

CONNECTED = [name for name, needs in FUNCTIONS.items() if needs.stores]


def _variables(assembly: Assembly, name: str) -> dict[str, Any]:
    _, function = assembly.function(name)
    variables: dict[str, Any] = function["Environment"]["Variables"]
    return variables


def test_database_is_encrypted_private_and_backed_up(aws_assembly: Assembly) -> None:
    [instance] = aws_assembly.properties("AWS::RDS::DBInstance", "Data")
    prod = aws_assembly.config.environment == "prod"
    assert instance["StorageEncrypted"] is True
    assert "Key" in str(instance["KmsKeyId"])
    assert instance["PubliclyAccessible"] is False
    assert instance["Engine"] == "postgres"
    assert instance["EngineVersion"].split(".")[0] == "18"
    assert instance["BackupRetentionPeriod"] >= (7 if prod else 1)
    assert instance["MultiAZ"] is prod
    assert instance["DeletionProtection"] is prod


def _parameters(assembly: Assembly) -> dict[str, str]:
    [group] = assembly.properties("AWS::RDS::DBParameterGroup", "Data")
    parameters: dict[str, str] = group["Parameters"]
    return parameters


def test_database_accepts_tls_alone(aws_assembly: Assembly) -> None:
    assert _parameters(aws_assembly)["rds.force_ssl"] == "1"


def test_database_logs_no_values(aws_assembly: Assembly) -> None:
    parameters = _parameters(aws_assembly)
    assert parameters["log_statement"] == "none"
    assert parameters["log_parameter_max_length"] == "0"
    assert parameters["log_parameter_max_length_on_error"] == "0"
    assert parameters["log_error_verbosity"] == "terse"


def test_database_is_watched(aws_assembly: Assembly) -> None:
    [(_, resource)] = aws_assembly.resources("AWS::RDS::DBInstance", "Data").items()
    instance = resource["Properties"]
    assert instance["EnablePerformanceInsights"] is True
    assert instance["PerformanceInsightsRetentionPeriod"] == 7
    assert "Key" in str(instance["PerformanceInsightsKMSKeyId"])
    assert instance["MonitoringInterval"] == 60
    assert "pg_stat_statements" in _parameters(aws_assembly)["shared_preload_libraries"]
    assert instance["EnableCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    groups = {
        group["Properties"]["LogGroupName"]: name
        for name, group in aws_assembly.resources("AWS::Logs::LogGroup", "Data").items()
        if "RetentionInDays" in group["Properties"]
    }
    database = aws_assembly.config.name("database")
    for export in instance["EnableCloudwatchLogsExports"]:
        # Made before RDS would make it.
        assert groups[f"/aws/rds/instance/{database}/{export}"] in resource["DependsOn"]
    [proxy] = aws_assembly.resources("AWS::RDS::DBProxy", "Data").values()
    assert groups[f"/aws/rds/proxy/{database}"] in proxy["DependsOn"]


def test_proxy_takes_tls_alone_and_logs_no_statement(aws_assembly: Assembly) -> None:
    [proxy] = aws_assembly.properties("AWS::RDS::DBProxy", "Data")
    assert proxy["RequireTLS"] is True
    assert proxy["DebugLogging"] is False
    assert len(proxy["VpcSubnetIds"]) == 2
    [targets] = aws_assembly.properties("AWS::RDS::DBProxyTargetGroup", "Data")
    assert targets["TargetGroupName"] == "default"
    [server] = targets["DBInstanceIdentifiers"]
    assert server["Ref"] in aws_assembly.resources("AWS::RDS::DBInstance", "Data")


def test_proxy_asks_for_iam_where_clients_can(aws_assembly: Assembly) -> None:
    [proxy] = aws_assembly.properties("AWS::RDS::DBProxy", "Data")
    assert {user["Description"]: user["IAMAuth"] for user in proxy["Auth"]} == {
        "quant_admin": "REQUIRED",
        "quant_app": "REQUIRED",
        "quant_backup": "REQUIRED",
        "mlflow": "DISABLED",
    }


def test_proxy_reads_its_users_secrets_and_nothing_else(aws_assembly: Assembly) -> None:
    [proxy] = aws_assembly.properties("AWS::RDS::DBProxy", "Data")
    role = proxy["RoleArn"]["Fn::GetAtt"][0]
    secrets, decrypt = aws_assembly.statements(role)
    assert secrets["Action"] == "secretsmanager:GetSecretValue"
    read = [json.dumps(resource) for resource in secrets["Resource"]]
    assert sorted(read) == sorted(json.dumps(user["SecretArn"]) for user in proxy["Auth"])
    assert decrypt["Action"] == "kms:Decrypt"
    [instance] = aws_assembly.properties("AWS::RDS::DBInstance", "Data")
    assert decrypt["Resource"] == instance["KmsKeyId"]
    assert "secretsmanager" in str(decrypt["Condition"])


def test_proxy_stands_between_clients_and_server(aws_assembly: Assembly) -> None:
    """By security groups: who reaches the proxy does not reach the server."""

    def admitted(group: str) -> set[tuple[str, int]]:
        return {
            (rule["SourceSecurityGroupId"]["Fn::GetAtt"][0], rule["FromPort"])
            for rule in aws_assembly.properties("AWS::EC2::SecurityGroupIngress", "Network")
            if rule["GroupId"]["Fn::GetAtt"][0] == group
        }

    def group_of(kind: str) -> str:
        [properties] = aws_assembly.properties(kind, "Data")
        [group] = properties.get("VPCSecurityGroups") or properties["VpcSecurityGroupIds"]
        [name] = [
            name
            for name in aws_assembly.resources("AWS::EC2::SecurityGroup", "Network")
            if name in group["Fn::ImportValue"]
        ]
        return name

    proxy, server = group_of("AWS::RDS::DBProxy"), group_of("AWS::RDS::DBInstance")
    assert admitted(server) == {(proxy, 5432)}
    [(clients, port)] = admitted(proxy)
    assert port == 5432
    assert "PostgresClients" in clients


def test_functions_cannot_exhaust_the_connections(aws_assembly: Assembly) -> None:
    [targets] = aws_assembly.properties("AWS::RDS::DBProxyTargetGroup", "Data")
    share = targets["ConnectionPoolConfigurationInfo"]["MaxConnectionsPercent"]
    pooled = int(_parameters(aws_assembly)["max_connections"]) * share // 100
    reserved = connected = 0
    for name, needs in FUNCTIONS.items():
        _, function = aws_assembly.function(name)
        reserved += function.get("ReservedConcurrentExecutions", 0)
        if Store.POSTGRES in needs.stores:
            connected += function["ReservedConcurrentExecutions"]
        elif not needs.concurrency:
            assert "ReservedConcurrentExecutions" not in function
    # Any of them may be pinned to a connection of its own, besides those of the tracking server.
    assert connected + 5 <= pooled
    # Of an account's thousand Lambda keeps a hundred for functions that reserve none.
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    assert reserved <= 900


def test_cache_is_encrypted_private_and_asks_for_a_password(aws_assembly: Assembly) -> None:
    [cache] = aws_assembly.properties("AWS::ElastiCache::ServerlessCache", "Data")
    [user] = aws_assembly.properties("AWS::ElastiCache::User", "Data")
    assert cache["Engine"] == user["Engine"] == "valkey"
    assert "Key" in str(cache["KmsKeyId"])
    assert cache["UserGroupId"]
    assert cache["SecurityGroupIds"]
    assert user["AuthenticationMode"]["Type"] == "password"
    assert "NoPasswordRequired" not in user
    assert {"-@all", "-@dangerous"} <= set(user["AccessString"].split())


def test_keys_rotate(aws_assembly: Assembly) -> None:
    keys = aws_assembly.properties("AWS::KMS::Key", "Data")
    assert keys
    for key in keys:
        assert key["EnableKeyRotation"] is True


def test_connections_use_tls_on_aws(aws_assembly: Assembly) -> None:
    for name in CONNECTED:
        variables = _variables(aws_assembly, name)
        assert variables["QUANT_DATABASE_TLS"] == "true"
        assert variables.get("QUANT_VALKEY_TLS", "true") == "true"
        assert "DatabaseProxy" in str(variables["QUANT_DATABASE_HOST"])


def _logins(assembly: Assembly, name: str) -> list[str]:
    """Return the roles of the database that a function may be."""
    _, function = assembly.function(name)
    users = []
    for statement in assembly.statements(function["Role"]["Fn::GetAtt"][0]):
        if "rds-db:connect" in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                *_, user = resource["Fn::Join"][1]
                assert "DatabaseProxy" in json.dumps(resource)
                users.append(user.removeprefix("/"))
    return sorted(users)


def test_functions_log_in_to_the_database_without_a_password(aws_assembly: Assembly) -> None:
    for name, needs in FUNCTIONS.items():
        variables = _variables(aws_assembly, name)
        connects = Store.POSTGRES in needs.stores
        owns = needs.owns_schema
        assert variables.get("QUANT_DATABASE_AUTH") == ("iam" if connects else None)
        assert variables.get("QUANT_DATABASE_USER") == ("quant_app" if connects else None)
        assert variables.get("QUANT_DATABASE_OWNER_USER") == ("quant_admin" if owns else None)
        users = (["quant_admin"] if owns else []) + (["quant_app"] if connects else [])
        assert _logins(aws_assembly, name) == users
        assert not [
            variable for variable in variables if re.match("QUANT_DATABASE.*SECRET", variable)
        ]


def test_local_environment_uses_the_given_endpoints(assemble: Callable[[str], Assembly]) -> None:
    local = assemble("local")
    for name in CONNECTED:
        variables = _variables(local, name)
        assert variables["QUANT_DATABASE_HOST"] == LOCAL_CONTEXT["database_host"]
        assert variables["QUANT_DATABASE_PORT"] == LOCAL_CONTEXT["database_port"]
        assert variables["QUANT_DATABASE_SECRET_ARN"] == "quant/local/database"
        assert variables["QUANT_DATABASE_TLS"] == "false"
        if Store.VALKEY in FUNCTIONS[name].stores:
            assert variables["QUANT_VALKEY_PORT"] == LOCAL_CONTEXT["valkey_port"]
            assert variables["QUANT_VALKEY_SECRET_ARN"] == "quant/local/valkey"
            assert variables["QUANT_VALKEY_TLS"] == "false"


def _kinds(assembly: Assembly, stack: str) -> Counter[str]:
    resources = assembly.templates[stack]["Resources"].values()
    ignored = {"AWS::CDK::Metadata"}
    return Counter(item["Type"] for item in resources if item["Type"] not in ignored)


@pytest.mark.parametrize("stack", sorted({*STACKS} - {"Network", "Data", "Ml"}))
def test_local_stacks_lack_alarms_of_functions_and_the_web_acl_alone(
    assemble: Callable[[str], Assembly], stack: str
) -> None:
    lacking = _kinds(assemble("dev"), stack) - _kinds(assemble("local"), stack)
    assert not _kinds(assemble("local"), stack) - _kinds(assemble("dev"), stack)
    functions = len(assemble("dev").resources("AWS::Lambda::Function", stack))
    if stack == "Api":
        assert lacking.pop("AWS::Logs::LogGroup") == 1  # of what the web ACL refuses
        assert lacking.pop("AWS::CloudWatch::Alarm") == functions + 1
        assert {kind.split("::")[1] for kind in lacking} == {"WAFv2"}
    elif stack == "Observability":
        assert set(lacking) == {"AWS::CloudWatch::Alarm"}  # of stores that are servers here
    else:
        assert lacking == ({"AWS::CloudWatch::Alarm": functions} if functions else {})


def test_local_network_lacks_the_log_of_flows_alone(assemble: Callable[[str], Assembly]) -> None:
    assert not _kinds(assemble("local"), "Network") - _kinds(assemble("dev"), "Network")
    assert _kinds(assemble("dev"), "Network") - _kinds(assemble("local"), "Network") == {
        "AWS::EC2::FlowLog": 1,  # which LocalStack's CloudFormation cannot make
        "AWS::IAM::Policy": 1,
        "AWS::IAM::Role": 1,
        "AWS::Logs::LogGroup": 1,
    }


def test_flows_are_logged_whether_admitted_or_not(aws_assembly: Assembly) -> None:
    [flows] = aws_assembly.properties("AWS::EC2::FlowLog", "Network")
    [vpc] = aws_assembly.resources("AWS::EC2::VPC", "Network")
    assert flows["ResourceId"] == {"Ref": vpc}
    assert flows["TrafficType"] == "ALL"
    [(name, group)] = aws_assembly.resources("AWS::Logs::LogGroup", "Network").items()
    assert flows["LogGroupName"] == {"Ref": name}
    assert group["Properties"]["RetentionInDays"] in {14, 90}


def test_local_data_stack_lacks_the_stores_alone(assemble: Callable[[str], Assembly]) -> None:
    lacking = _kinds(assemble("dev"), "Data") - _kinds(assemble("local"), "Data")
    assert not _kinds(assemble("local"), "Data") - _kinds(assemble("dev"), "Data")
    assert {kind.split("::")[1] for kind in lacking} == {
        "ElastiCache",
        "IAM",  # the roles of the proxy and of what watches the server
        "KMS",
        "Logs",  # of both
        "RDS",
        "SES",  # whose identities LocalStack's CloudFormation cannot make
        "SecretsManager",  # the stores' credentials, which exist beforehand
    }


def test_local_ml_stack_lacks_the_tracking_server_alone(
    assemble: Callable[[str], Assembly],
) -> None:
    lacking = _kinds(assemble("dev"), "Ml") - _kinds(assemble("local"), "Ml")
    assert {kind.split("::")[1] for kind in lacking} == {
        "ApiGatewayV2",
        "CloudWatch",  # the alarms of its functions
        "EC2",  # its security groups
        "ECS",
        "IAM",  # its two roles
        "Logs",
        "ServiceDiscovery",
    }
    assert lacking["AWS::IAM::Role"] == 2
    # What containers have on AWS.
    beyond = _kinds(assemble("local"), "Ml") - _kinds(assemble("dev"), "Ml")
    assert set(beyond) == {"AWS::Lambda::LayerVersion"}


def test_network_has_no_way_out(assembly: Assembly) -> None:
    kinds = _kinds(assembly, "Network")
    assert kinds["AWS::EC2::Subnet"] == 2
    assert not kinds["AWS::EC2::NatGateway"]
    assert not kinds["AWS::EC2::InternetGateway"]
    assert not kinds["AWS::EC2::Route"]


def test_security_groups_open_store_and_endpoint_ports_alone(assembly: Assembly) -> None:
    opened: Counter[tuple[str, int]] = Counter()
    to_s3: list[tuple[str, int]] = []
    for kind in ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"):
        for rule in assembly.properties(kind, "Network"):
            assert "CidrIp" not in rule
            assert rule["FromPort"] == rule["ToPort"]
            if "DestinationPrefixListId" in rule:
                to_s3.append((rule["DestinationPrefixListId"], rule["FromPort"]))
            else:
                opened[kind, rule["FromPort"]] += 1
    assert to_s3 == [(S3_PREFIX_LIST, 443)]
    for kind in ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"):
        # Postgres' clients reach its proxy, and that alone the server.
        assert opened[kind, 5432] == 2
        assert opened[kind, 6379] == 1
        assert opened[kind, 443] == 2
    for group in assembly.properties("AWS::EC2::SecurityGroup", "Network"):
        assert "SecurityGroupIngress" not in group
        # An address nobody has: without a rule EC2 would add one that allows everything.
        assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def test_only_functions_with_stores_are_in_the_network(assembly: Assembly) -> None:
    for name, needs in FUNCTIONS.items():
        _, function = assembly.function(name)
        assert ("VpcConfig" in function) is bool(needs.stores)
        if needs.stores:
            groups = str(function["VpcConfig"]["SecurityGroupIds"])
            stored = needs.objects or needs.anchors or needs.exports.writes or needs.models
            # The answer to CloudFormation goes to S3 too.
            buckets = bool(stored or needs.answers_deployment)
            assert groups.count("ClientsGroup") == len(needs.stores) + buckets
            assert ("BucketClients" in groups) is buckets


def test_functions_in_the_network_reach_the_services_they_call(assembly: Assembly) -> None:
    services = {
        "".join(part for part in endpoint["ServiceName"]["Fn::Join"][1] if isinstance(part, str))
        if isinstance(endpoint["ServiceName"], dict)
        else endpoint["ServiceName"]
        for endpoint in assembly.properties("AWS::EC2::VPCEndpoint", "Network")
        if endpoint["VpcEndpointType"] == "Interface"
    }
    assert {service.partition(".us-east-1.")[2] for service in services} == {
        "secretsmanager",
        "sqs",
        "email",
        "events",
        # What the tracking server's container is started through.
        "ecr.api",
        "ecr.dkr",
        "logs",
    }


def _walk(node: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(node, dict) and not any(key.startswith("Fn::") for key in node):
        return [pair for key, child in node.items() for pair in _walk(child, (*path, key))]
    if isinstance(node, list):
        return [pair for child in node for pair in _walk(child, path)]
    return [(path, node)]


def test_templates_hold_no_secret_value(assembly: Assembly) -> None:
    sensitive = {"Value", "MasterUserPassword", "Passwords", "SecretString"}
    kinds = {
        "AWS::ApiGateway::ApiKey",
        "AWS::ElastiCache::User",
        "AWS::RDS::DBInstance",
        "AWS::SecretsManager::Secret",
    }
    seen = 0
    for template in assembly.templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] not in kinds:
                continue
            for path, value in _walk(resource["Properties"]):
                if path[-1] not in sensitive or "Tags" in path:
                    continue
                seen += 1
                if path[-1] == "SecretString":
                    assert json.loads(value) == {"keys": []}
                else:
                    assert json.dumps(value).count("{{resolve:secretsmanager:") == 1
    assert seen >= 5


def test_no_variable_holds_a_secret(assembly: Assembly) -> None:
    for function in assembly.functions().values():
        assert "{{resolve" not in json.dumps(function["Environment"])
