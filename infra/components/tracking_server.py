"""MLflow's tracking server: a container behind an HTTP API that takes signed requests alone."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct

from infra.components.ml_bucket import MlBucket
from infra.components.stores import SecretLogin, StoreConnection
from infra.components.tracking import Tracking
from infra.config import Config
from infra.paths import IMAGES, ROOT
from infra.rules import accept, accept_keys, accept_wildcards
from infra.stacks.network import NetworkStack
from quant.ml.layout import TRACKING
from quant_http.routes import Store

# MLflow's own choice.
PORT: Final = 5000
# Half a processor and a gibibyte: one worker takes 400 MB.
_CPU_UNITS: Final = 512
_MEMORY_MIB: Final = 1024
_ACCESS_LOG: Final = {
    "request_id": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "caller": "$context.identity.caller",
    "error": "$context.error.message",
}
_LOCK: Final = ROOT / "localstack" / "mlflow-requirements.txt"


class TrackingServer(Construct):
    """One Fargate task in the isolated subnets, its database in RDS, its artifacts in S3.

    Attributes:
        tracking: How functions call it.
        service: The service.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        network: NetworkStack,
        database: StoreConnection,
        bucket: MlBucket,
    ):
        """Create the server.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            network: Where it runs.
            database: How it connects to its database, as that database's owner.
            bucket: Where it keeps artifacts, below a prefix of its own.
        """
        super().__init__(scope, construct_id)
        self._config = config
        name = config.name("tracking")
        api = apigateway.HttpApi(
            self,
            "Api",
            api_name=name,
            description="MLflow's tracking server, for those whom IAM lets in",
            create_default_stage=False,
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=api,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=50, burst_limit=100),
        )
        self._log_requests(stage, name)
        stack = Stack.of(self)
        host = f"{api.api_id}.execute-api.{stack.region}.{stack.url_suffix}"
        task = self._task(name, host, database, bucket)
        records = servicediscovery.PrivateDnsNamespace(
            self, "Namespace", name=f"{name}.internal", vpc=network.vpc
        )
        link_group, task_group = self._groups(network.vpc)
        self.service = ecs.FargateService(
            self,
            "Service",
            service_name=name,
            cluster=self._cluster(name, network.vpc),
            task_definition=task,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            # Postgres and the services' endpoints, S3, and whoever calls.
            security_groups=[
                network.client_groups[Store.POSTGRES],
                network.bucket_clients,
                task_group,
            ],
            desired_count=1,
            # Two versions of MLflow would not share one schema.
            min_healthy_percent=0,
            max_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            cloud_map_options=ecs.CloudMapOptions(
                cloud_map_namespace=records,
                name="server",
                # API Gateway has the port from these records alone.
                # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-private.html
                dns_record_type=servicediscovery.DnsRecordType.SRV,
                container_port=PORT,
                dns_ttl=Duration.seconds(10),
            ),
        )
        self._route(api, network.vpc, link_group)
        self.tracking = Tracking(
            uri=f"https://{host}",
            calls=stack.format_arn(service="execute-api", resource=api.api_id, resource_name="*"),
        )

    def _log_group(self, construct_id: str, name: str) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            construct_id,
            log_group_name=name,
            retention=self._config.log_retention,
            removal_policy=(
                RemovalPolicy.RETAIN if self._config.retain_data else RemovalPolicy.DESTROY
            ),
        )

    def _log_requests(self, stage: apigateway.HttpStage, name: str) -> None:
        group = self._log_group("AccessLog", f"/aws/apigateway/{name}")
        resource = stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)  # noqa: S101 - narrows the type
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=group.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )

    def _cluster(self, name: str, vpc: ec2.IVpc) -> ecs.Cluster:
        cluster = ecs.Cluster(self, "Cluster", cluster_name=name, vpc=vpc)
        accept(
            cluster,
            "Insights bill some twenty metrics for one task, whose processor and memory ECS "
            "measures for nothing.",
            "AwsSolutions-ECS4",
        )
        return cluster

    def _groups(self, vpc: ec2.IVpc) -> tuple[ec2.SecurityGroup, ec2.SecurityGroup]:
        """Return the security groups of the link and of the task, open to each other alone."""

        def group(name: str, description: str) -> ec2.SecurityGroup:
            return ec2.SecurityGroup(
                self, name, vpc=vpc, description=description, allow_all_outbound=False
            )

        link = group("LinkGroup", "API of the tracking server")
        task = group("TaskGroup", "Tracking server")
        task.connections.allow_from(link, ec2.Port.tcp(PORT), "API to tracking server")
        return link, task

    def _task(
        self, name: str, host: str, database: StoreConnection, bucket: MlBucket
    ) -> ecs.FargateTaskDefinition:
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=name,
            cpu=_CPU_UNITS,
            memory_limit_mib=_MEMORY_MIB,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            execution_role=self._execution_role(database),
        )
        self._grant_artifacts(task.task_role, bucket)
        secret = secretsmanager.Secret.from_secret_complete_arn(
            self, "DatabaseSecret", _secret_of(database)
        )
        with _image_context() as folder:
            image = ecs.ContainerImage.from_asset(
                str(folder), platform=ecr_assets.Platform.LINUX_ARM64
            )
            task.add_container(
                "Server",
                image=image,
                port_mappings=[ecs.PortMapping(container_port=PORT)],
                environment={
                    "DATABASE_HOST": database.host,
                    "DATABASE_PORT": database.port,
                    "DATABASE_NAME": database.extra["QUANT_DATABASE_NAME"],
                    "ARTIFACTS": f"s3://{bucket.bucket.bucket_name}/{TRACKING}",
                    # What API Gateway passes on is under its own name.
                    "MLFLOW_SERVER_ALLOWED_HOSTS": host,
                    "PORT": str(PORT),
                },
                secrets={
                    f"DATABASE_{field.upper()}": ecs.Secret.from_secrets_manager(secret, field)
                    for field in ("username", "password")
                },
                logging=ecs.LogDrivers.aws_logs(
                    stream_prefix="server",
                    log_group=self._log_group("Logs", f"/aws/ecs/{name}"),
                ),
            )
        accept(
            task,
            "The variables are addresses and names; the credentials are in Secrets Manager.",
            "AwsSolutions-ECS2",
        )
        return task

    def _execution_role(self, database: StoreConnection) -> iam.Role:
        """Return the role by which ECS pulls the image, logs, and reads the credentials."""
        role = iam.Role(
            self, "ExecutionRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")
        )
        database.login.grant(role)
        accept_wildcards(role, "The action that logs in to ECR knows no resources.", "*")
        return role

    def _grant_artifacts(self, role: iam.IRole, bucket: MlBucket) -> None:
        """Let the server keep artifacts below its prefix; MLflow lists, and deletes if told to."""
        below = f"{TRACKING}/*"
        accept_keys(role, bucket.bucket, [below])
        for actions, resource, conditions in (
            (
                ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                bucket.bucket.arn_for_objects(below),
                None,
            ),
            (
                ["s3:ListBucket"],
                bucket.bucket.bucket_arn,
                {"StringLikeIfExists": {"s3:prefix": [TRACKING, below]}},
            ),
        ):
            role.add_to_principal_policy(
                iam.PolicyStatement(actions=actions, resources=[resource], conditions=conditions)
            )

    def _route(self, api: apigateway.HttpApi, vpc: ec2.IVpc, group: ec2.ISecurityGroup) -> None:
        """Have the API pass every request on that IAM admits."""
        service = self.service.cloud_map_service
        assert service is not None  # noqa: S101 - narrows the type
        integration = integrations.HttpServiceDiscoveryIntegration(
            "Server",
            service,
            vpc_link=apigateway.VpcLink(
                self,
                "Link",
                vpc=vpc,
                subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
                security_groups=[group],
            ),
        )
        authorizer = authorizers.HttpIamAuthorizer()
        for path in ("/", "/{path+}"):
            api.add_routes(path=path, integration=integration, authorizer=authorizer)


def _secret_of(database: StoreConnection) -> str:
    """Return the ARN of the password that the container is given."""
    assert isinstance(database.login, SecretLogin)  # noqa: S101 - narrows the type
    return database.login.secret_id


@contextmanager
def _image_context() -> Iterator[Path]:
    """Yield the folder that the image is built from."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file in sorted((IMAGES / "tracking").iterdir()):
            shutil.copyfile(file, folder / file.name)
        shutil.copyfile(_LOCK, folder / "requirements.txt")
        yield folder
