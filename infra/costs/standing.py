"""What resources cost a month by being there."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from infra.costs.prices import HOURS, SECONDS
from infra.references import Place, References

# Service, price, and how many units a month.
Item = tuple[str, str, float]
Properties = Mapping[str, Any]

# vCPUs of the database behind a proxy, which bills at least two; all classes of t4g have two.
_PROXY_VCPUS: Final = 2
# The least that Valkey on ElastiCache Serverless bills. https://aws.amazon.com/elasticache/pricing/
_CACHE_LEAST_GB: Final = 0.1


def standing(references: References) -> Iterator[Item]:
    """Yield what the resources of an environment cost, whether anybody asks it anything or not."""
    for place, resource in references.resources.items():
        properties = resource.get("Properties", {})
        bill = _BILLS.get(resource["Type"])
        if bill is not None:
            yield from bill(properties)
        elif resource["Type"] == _SERVICE:
            yield from _service(references, place, properties)


def unpriced(references: References) -> set[str]:
    """Return the types of resources that are neither billed nor declared free."""
    return {resource["Type"] for resource in references.resources.values()} - BILLED - FREE


def _database(properties: Properties) -> Iterator[Item]:
    zones = ", two zones" if properties.get("MultiAZ") else ""
    yield "RDS", f"{properties['DBInstanceClass']}{zones}", HOURS
    yield "RDS", f"database storage{zones}", float(properties["AllocatedStorage"])


def _endpoint(properties: Properties) -> Iterator[Item]:
    if properties.get("VpcEndpointType") == "Interface":
        yield "VPC", "interface endpoint", len(properties["SubnetIds"]) * HOURS


def _alarm(properties: Properties) -> Iterator[Item]:
    metrics = [item for item in properties.get("Metrics", ()) if "MetricStat" in item]
    yield "CloudWatch", "alarm metric", max(1, len(metrics))


def _function(properties: Properties) -> Iterator[Item]:
    if properties.get("SnapStart"):
        memory = memory_gb(properties)
        yield "Lambda", "SnapStart cache", memory * SECONDS


def _acl(properties: Properties) -> Iterator[Item]:
    yield "WAF", "web ACL", 1
    yield "WAF", "web ACL rule", len(properties["Rules"])


def _service(references: References, place: Place, properties: Properties) -> Iterator[Item]:
    tasks = float(properties.get("DesiredCount", 1))
    for task in references.targets(place.stack, properties["TaskDefinition"]):
        definition = references.properties(task)
        yield "Fargate", "container vCPU", tasks * int(definition["Cpu"]) / 1024 * HOURS
        yield "Fargate", "container memory", tasks * int(definition["Memory"]) / 1024 * HOURS


def _fixed(service: str, price: str, units: float = 1) -> Callable[[Properties], Iterator[Item]]:
    return lambda _: iter([(service, price, units)])


def memory_gb(function: Properties) -> float:
    """Return a function's memory, GB as Lambda bills them."""
    return int(function.get("MemorySize", 128)) / 1024


_SERVICE: Final = "AWS::ECS::Service"
_BILLS: Final[Mapping[str, Callable[[Properties], Iterator[Item]]]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _fixed("CloudWatch", "composite alarm"),
    "AWS::CloudWatch::Dashboard": _fixed("CloudWatch", "dashboard"),
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::ElastiCache::ServerlessCache": _fixed(
        "ElastiCache", "cache storage", _CACHE_LEAST_GB * HOURS
    ),
    "AWS::KMS::Key": _fixed("KMS", "key"),
    "AWS::KMS::ReplicaKey": _fixed("KMS", "key"),
    "AWS::Lambda::Function": _function,
    "AWS::Logs::MetricFilter": _fixed("CloudWatch", "custom metric"),
    "AWS::RDS::DBInstance": _database,
    "AWS::RDS::DBProxy": _fixed("RDS", "database proxy", _PROXY_VCPUS * HOURS),
    "AWS::SecretsManager::Secret": _fixed("Secrets Manager", "secret"),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": _fixed("Cloud Map", "private zone"),
    "AWS::ServiceDiscovery::Service": _fixed("Cloud Map", "discovered instance"),
    "AWS::WAFv2::WebACL": _acl,
}

# Billed by use: ``infra.costs.traffic`` says how much that is.
BY_USE: Final = {
    "AWS::ApiGateway::RestApi",
    "AWS::Backup::BackupVault",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::Scheduler::Schedule",
    "AWS::StepFunctions::StateMachine",
}
BILLED: Final = _BILLS.keys() | {_SERVICE} | BY_USE

# Nothing is billed for these, or less than a cent by what the platform does with them.
FREE: Final = frozenset(
    {
        "AWS::ApiGateway::Account",
        "AWS::ApiGateway::ApiKey",
        "AWS::ApiGateway::Authorizer",
        "AWS::ApiGateway::BasePathMapping",
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGateway::DomainName",
        "AWS::ApiGateway::GatewayResponse",
        "AWS::ApiGateway::Method",
        "AWS::ApiGateway::Resource",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::UsagePlan",
        "AWS::ApiGateway::UsagePlanKey",
        "AWS::ApiGatewayV2::Api",  # a few calls of a training run
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::ApiGatewayV2::VpcLink",
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
        "AWS::Backup::RestoreTestingPlan",
        "AWS::Backup::RestoreTestingSelection",
        "AWS::CDK::Metadata",
        "AWS::CertificateManager::Certificate",
        "AWS::CodeDeploy::Application",  # nothing for functions
        "AWS::CodeDeploy::DeploymentConfig",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::EC2::FlowLog",  # its lines are logs
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::ECS::Cluster",
        "AWS::ECS::TaskDefinition",
        "AWS::ElastiCache::User",
        "AWS::ElastiCache::UserGroup",
        "AWS::Events::EventBus",  # a dollar for a million of new filings
        "AWS::Events::Rule",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::OIDCProvider",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::Logs::QueryDefinition",
        "AWS::Logs::ResourcePolicy",
        "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBProxyTargetGroup",
        "AWS::RDS::DBSubnetGroup",
        "AWS::Route53::RecordSet",
        "AWS::S3::BucketPolicy",
        "AWS::SES::EmailIdentity",  # ten cents for a thousand mails
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",  # half a dollar for a million alarms
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::SecretsManager::RotationSchedule",
        "AWS::SecretsManager::SecretTargetAttachment",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::WAFv2::WebACLAssociation",
        "AWS::XRay::Group",
        "AWS::XRay::SamplingRule",
        "Custom::Schema",
    }
)
