"""The tracking server: how it runs, who reaches it, and what it may touch."""

from collections.abc import Callable
from typing import Any

from infra.ml_functions import ALIAS, ML_FUNCTIONS, REGISTER
from infra.paths import ROOT
from infra_support import Assembly, as_list, text_of

STEPS = list(ML_FUNCTIONS)


def _container(assembly: Assembly) -> dict[str, Any]:
    [task] = assembly.properties("AWS::ECS::TaskDefinition", "Ml")
    [container] = task["ContainerDefinitions"]
    return dict(container)


def test_tracking_is_a_small_arm_task_without_an_address(aws_assembly: Assembly) -> None:
    [task] = aws_assembly.properties("AWS::ECS::TaskDefinition", "Ml")
    assert (task["Cpu"], task["Memory"]) == ("512", "1024")
    assert task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    [service] = aws_assembly.properties("AWS::ECS::Service", "Ml")
    assert service["DesiredCount"] == 1
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    assert "isolated" in str(network["Subnets"])
    # Two versions at a time would not share one schema.
    assert service["DeploymentConfiguration"]["MaximumPercent"] == 100


def test_tracking_admits_signed_requests_alone(aws_assembly: Assembly) -> None:
    routes = aws_assembly.properties("AWS::ApiGatewayV2::Route", "Ml")
    assert {route["RouteKey"] for route in routes} == {"ANY /", "ANY /{path+}"}
    assert {route["AuthorizationType"] for route in routes} == {"AWS_IAM"}
    [integration] = aws_assembly.properties("AWS::ApiGatewayV2::Integration", "Ml")
    assert integration["ConnectionType"] == "VPC_LINK"
    [records] = aws_assembly.properties("AWS::ServiceDiscovery::Service", "Ml")
    # API Gateway has the port from these alone.
    assert [record["Type"] for record in records["DnsConfig"]["DnsRecords"]] == ["SRV"]


def test_tracking_is_reached_from_its_api_alone(aws_assembly: Assembly) -> None:
    [ingress] = aws_assembly.properties("AWS::EC2::SecurityGroupIngress", "Ml")
    [link] = aws_assembly.properties("AWS::ApiGatewayV2::VpcLink", "Ml")
    assert (ingress["FromPort"], ingress["ToPort"]) == (5000, 5000)
    assert [ingress["SourceSecurityGroupId"]] == link["SecurityGroupIds"]
    for group in aws_assembly.properties("AWS::EC2::SecurityGroup", "Ml"):
        assert "SecurityGroupIngress" not in group
        for rule in group.get("SecurityGroupEgress", []):
            assert rule["CidrIp"] == "255.255.255.255/32"


def test_tracking_has_its_password_from_its_own_secret(aws_assembly: Assembly) -> None:
    container = _container(aws_assembly)
    assert {secret["Name"] for secret in container["Secrets"]} == {
        "DATABASE_USERNAME",
        "DATABASE_PASSWORD",
    }
    assert all("TrackingSecret" in str(secret) for secret in container["Secrets"])
    variables = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert variables["DATABASE_NAME"] == "mlflow"
    assert "PASSWORD" not in " ".join(variables)
    [task] = aws_assembly.properties("AWS::ECS::TaskDefinition", "Ml")
    execution = aws_assembly.statements(task["ExecutionRoleArn"]["Fn::GetAtt"][0])
    read = [
        resource
        for statement in execution
        if "secretsmanager:GetSecretValue" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]
    assert len(read) == 1
    assert "TrackingSecret" in str(read)


def test_tracking_touches_its_own_artifacts_alone(aws_assembly: Assembly) -> None:
    [task] = aws_assembly.properties("AWS::ECS::TaskDefinition", "Ml")
    allowed: dict[str, str] = {}
    for statement in aws_assembly.statements(task["TaskRoleArn"]["Fn::GetAtt"][0]):
        for action in as_list(statement["Action"]):
            allowed[action] = text_of(statement["Resource"])
            if action == "s3:ListBucket":
                assert statement["Condition"]["StringLikeIfExists"]["s3:prefix"] == [
                    "tracking",
                    "tracking/*",
                ]
    assert allowed == {
        "s3:GetObject": "/tracking/*",
        "s3:PutObject": "/tracking/*",
        "s3:DeleteObject": "/tracking/*",
        "s3:ListBucket": "",
    }


def test_image_of_tracking_is_locked(aws_assembly: Assembly) -> None:
    image = _container(aws_assembly)["Image"]["Fn::Sub"]
    context = aws_assembly.folder / f"asset.{image.rpartition(':')[2]}"
    assert {path.name for path in context.iterdir()} == {
        "Dockerfile",
        "requirements.txt",
        "serve.py",
    }
    lock = ROOT / "localstack/mlflow-requirements.txt"
    assert (context / "requirements.txt").read_bytes() == lock.read_bytes()
    assert "--require-hashes" in (context / "Dockerfile").read_text()


def test_callers_are_those_who_tell_of_runs(aws_assembly: Assembly) -> None:
    [api] = aws_assembly.resources("AWS::ApiGatewayV2::Api", "Ml")
    for name in STEPS:
        _, function = aws_assembly.function(name)
        calls = [
            text_of(statement["Resource"])
            for statement in aws_assembly.statements(function["Role"]["Fn::GetAtt"][0])
            if "execute-api:Invoke" in as_list(statement["Action"])
        ]
        assert [f":<{api}>/*" in call for call in calls] == [True] * (name in {REGISTER, ALIAS})
        if calls:
            variables = function["Environment"]["Variables"]
            assert text_of(variables["QUANT_TRACKING_URI"]).startswith(f"https://<{api}>.")
            assert variables["QUANT_TRACKING_SIGNED"] == "true"


def test_local_tracking_is_the_supervisors(assemble: Callable[[str], Assembly]) -> None:
    local = assemble("local")
    for name in (REGISTER, ALIAS):
        variables = local.function(name)[1]["Environment"]["Variables"]
        assert variables["QUANT_TRACKING_URI"] == "http://127.0.0.1:5000"
        assert variables["QUANT_TRACKING_SIGNED"] == "false"
