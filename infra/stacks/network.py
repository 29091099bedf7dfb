"""The VPC: isolated subnets, endpoints, and who may open a connection to what."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import S3_PREFIX_LIST, Config
from quant_http.routes import Store

STORE_PORTS: Final[Mapping[Store, int]] = {Store.POSTGRES: 5432, Store.VALKEY: 6379}
_TLS_PORT: Final = 443
# What a container in the isolated subnets is started through; its image's layers are in S3.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
CONTAINER_ENDPOINTS: Final = ("ecr.api", "ecr.dkr", "logs")


class NetworkStack(Stack):
    """A VPC without a way to the internet; functions reach AWS through endpoints only.

    Attributes:
        vpc: Two availability zones, one isolated subnet in each, no NAT gateway.
        store_groups: Security group of each data store's endpoint; admits its clients alone.
        database_group: Security group of the Postgres server; admits its proxy alone, which is
            that store's endpoint.
        client_groups: Security group a function needs to reach each data store.
        bucket_clients: Security group a function needs besides to reach S3.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, **kwargs: Any):
        super().__init__(scope, construct_id, **kwargs)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=config.name("vpc"),
            max_azs=2,
            nat_gateways=0,
            # Emptying the default group takes a custom resource, that is, one more function with
            # rights on every security group; nothing is ever put into that group.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                )
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        # LocalStack's CloudFormation knows none.
        if config.local is None:
            self._log_flows(config)
        endpoints = self._group("Endpoints", "AWS service endpoints")
        self.store_groups: dict[Store, ec2.SecurityGroup] = {}
        self.client_groups: dict[Store, ec2.SecurityGroup] = {}
        for store, port in STORE_PORTS.items():
            name = store.value.capitalize()
            server = self._group(name, f"{name} server")
            client = self._group(f"{name}Clients", f"Clients of {name}")
            _allow(client, server, port, f"{name} client to server")
            _allow(client, endpoints, _TLS_PORT, f"{name} client to AWS endpoints")
            self.store_groups[store] = server
            self.client_groups[store] = client
        self.database_group = self._group("Database", "Postgres server behind its proxy")
        _allow(
            self.store_groups[Store.POSTGRES],
            self.database_group,
            STORE_PORTS[Store.POSTGRES],
            "Proxy to Postgres server",
        )
        self.bucket_clients = self._group("BucketClients", "Clients of S3")
        self.bucket_clients.add_egress_rule(
            ec2.Peer.prefix_list(S3_PREFIX_LIST), ec2.Port.tcp(_TLS_PORT), "S3 by its endpoint"
        )
        zones = {
            **dict.fromkeys(config.interface_endpoints, config.interface_endpoint_zones),
            # One task that is restarted elsewhere is worth no second zone.
            **dict.fromkeys(CONTAINER_ENDPOINTS, 1),
        }
        for service, number in zones.items():
            self.vpc.add_interface_endpoint(
                service.capitalize(),
                service=ec2.InterfaceVpcEndpointAwsService(service),
                security_groups=[endpoints],
                open=False,
                subnets=ec2.SubnetSelection(subnets=self.vpc.isolated_subnets[:number]),
            )

    def _log_flows(self, config: Config) -> None:
        """Note who talks to whom, by addresses and ports, once in ten minutes for each flow."""
        self.vpc.add_flow_log(
            "Flows",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                logs.LogGroup(
                    self,
                    "FlowLogs",
                    log_group_name=f"/aws/vpc/{config.name('flows')}",
                    retention=config.log_retention,
                    removal_policy=(
                        RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY
                    ),
                )
            ),
            traffic_type=ec2.FlowLogTrafficType.ALL,
            max_aggregation_interval=ec2.FlowLogMaxAggregationInterval.TEN_MINUTES,
        )

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            f"{name}Group",
            vpc=self.vpc,
            description=description,
            allow_all_outbound=False,
        )
        # EC2 gives a group without a rule of its own one that allows all outbound traffic, and
        # the rules below are resources of their own. Nobody has this address.
        cfn_group = group.node.default_child
        assert isinstance(cfn_group, ec2.CfnSecurityGroup)  # noqa: S101 - narrows the type
        cfn_group.security_group_egress = [
            ec2.CfnSecurityGroup.EgressProperty(
                cidr_ip="255.255.255.255/32",
                description="No other traffic",
                ip_protocol="icmp",
                from_port=252,
                to_port=86,
            )
        ]
        return group


def _allow(
    client: ec2.SecurityGroup, server: ec2.SecurityGroup, port: int, description: str
) -> None:
    """Open ``port`` in both groups: neither has any other outbound or inbound rule."""
    server.connections.allow_from(client, ec2.Port.tcp(port), description)
