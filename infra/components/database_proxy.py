"""RDS Proxy: what clients of Postgres connect to instead of the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import ArnFormat, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components.stores import IamLogin, Login, secret_login
from infra.config import REGION, Config, DatabaseConfig

# Connections that stay for the server's own upkeep, of which three are superusers'.
_KEPT_CONNECTIONS: Final = 10
# A request has no longer to wait; whoever waits in vain is told that Postgres is away.
_BORROW_TIMEOUT_S: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyUser:
    """A role of the database that the proxy lets clients be.

    Attributes:
        name: The role.
        secret: Its name and password, with which the proxy logs in to the server.
        by_iam: Whether clients log in by IAM; if not, by the same password.
    """

    name: str
    secret: secretsmanager.Secret
    by_iam: bool


class DatabaseProxy(Construct):
    """A proxy that takes TLS alone, and logs clients in by IAM or with a password by role.

    Not ``rds.DatabaseProxy``, which has one way of logging in for all roles.

    Attributes:
        host: What clients connect to, by a certificate of Amazon Trust Services.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        settings: DatabaseConfig,
        vpc: ec2.IVpc,
        group: ec2.ISecurityGroup,
        key: kms.IKey,
        users: Sequence[ProxyUser],
    ):
        """Create the proxy; ``serve`` says for which server.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            settings: Those of the database.
            vpc: Where it listens, in the isolated subnets.
            group: Security group that admits its clients, and that the server admits.
            key: Key that encrypts the secrets.
            users: Whom it lets in.
        """
        super().__init__(scope, construct_id)
        self._settings = settings
        self._key = key
        name = config.name("database")
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/rds/proxy/{name}",
            retention=config.log_retention,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        role = self._role(users)
        self._proxy = rds.CfnDBProxy(
            self,
            "Proxy",
            db_proxy_name=name,
            engine_family="POSTGRESQL",
            role_arn=role.role_arn,
            auth=[
                rds.CfnDBProxy.AuthFormatProperty(
                    auth_scheme="SECRETS",
                    client_password_auth_type="POSTGRES_SCRAM_SHA_256",  # noqa: S106 - the kind
                    description=user.name,
                    iam_auth="REQUIRED" if user.by_iam else "DISABLED",
                    secret_arn=user.secret.secret_arn,
                )
                for user in users
            ],
            require_tls=True,
            # It would log the text of statements.
            debug_logging=False,
            vpc_subnet_ids=vpc.select_subnets(
                subnet_type=ec2.SubnetType.PRIVATE_ISOLATED
            ).subnet_ids,
            vpc_security_group_ids=[group.security_group_id],
        )
        self._proxy.node.add_dependency(role, log_group)
        self.host = self._proxy.attr_endpoint

    def _role(self, users: Sequence[ProxyUser]) -> iam.Role:
        """Return the role by which the proxy reads the users' secrets and nothing else."""
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("rds.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"],
                resources=[user.secret.secret_arn for user in users],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt"],
                resources=[self._key.key_arn],
                conditions={
                    "StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
                },
            )
        )
        return role

    def serve(self, server: rds.DatabaseInstance | rds.DatabaseCluster) -> None:
        """Pass clients on to ``server``."""
        target: dict[str, Any]
        if isinstance(server, rds.DatabaseCluster):
            target = {"db_cluster_identifiers": [server.cluster_identifier]}
        else:
            target = {"db_instance_identifiers": [server.instance_identifier]}
        most = self._settings.max_connections
        targets = rds.CfnDBProxyTargetGroup(
            self,
            "Targets",
            db_proxy_name=self._proxy.ref,
            target_group_name="default",
            connection_pool_configuration_info=(
                rds.CfnDBProxyTargetGroup.ConnectionPoolConfigurationInfoFormatProperty(
                    max_connections_percent=100 * (most - _KEPT_CONNECTIONS) // most,
                    connection_borrow_timeout=_BORROW_TIMEOUT_S,
                )
            ),
            **target,
        )
        # A cluster can be named before it has an instance to connect to.
        targets.node.add_dependency(server)

    def login(self, user: ProxyUser) -> Login:
        """Return what opens the database to those who may be ``user``."""
        if not user.by_iam:
            return secret_login(user.secret, self._key)
        # In the ARN of who may log in the proxy goes by an identifier that only its own ARN ends
        # with: arn:aws:rds:<region>:<account>:db-proxy:<identifier>.
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
        identifier = Fn.select(6, Fn.split(":", self._proxy.attr_db_proxy_arn))
        resource = Stack.of(self).format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{identifier}/{user.name}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return IamLogin(user=user.name, resource=resource)
