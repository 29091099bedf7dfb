"""What resources are like now, in the words of their templates, for drift detection.

Reserved concurrency and the retention of logs are left out: the core's CloudFormation does not set
them.
"""

from collections.abc import Callable, Mapping
from typing import Any

Properties = Mapping[str, Any]
# Of ``localstack.aws.connect``: a client by the name of its service.
Clients = Any

# Given the physical id and the template's properties. ``None``, or the service's own error, says
# that there is no such resource.
Reader = Callable[[Clients, str, Properties], dict[str, Any] | None]


def _function(clients: Clients, name: str, _expected: Properties) -> dict[str, Any]:
    configuration = clients.lambda_.get_function_configuration(FunctionName=name)
    actual = {
        key: configuration[key]
        for key in ("Handler", "MemorySize", "Role", "Runtime", "Timeout")
        if key in configuration
    }
    actual["Environment"] = {"Variables": configuration.get("Environment", {}).get("Variables", {})}
    actual["Layers"] = [layer["Arn"] for layer in configuration.get("Layers", [])]
    return actual


def _alias(clients: Clients, arn: str, _expected: Properties) -> dict[str, Any]:
    function, _, name = arn.rpartition(":")
    alias = clients.lambda_.get_alias(FunctionName=function, Name=name)
    return {"FunctionVersion": alias["FunctionVersion"]}


def _queue(clients: Clients, url: str, _expected: Properties) -> dict[str, Any]:
    answer = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes = answer["Attributes"]
    return {
        key: attributes[key]
        for key in ("MessageRetentionPeriod", "RedrivePolicy", "VisibilityTimeout")
        if key in attributes
    }


def _method(clients: Clients, _identifier: str, expected: Properties) -> dict[str, Any]:
    found = clients.apigateway.get_method(
        restApiId=expected["RestApiId"],
        resourceId=expected["ResourceId"],
        httpMethod=expected["HttpMethod"],
    )
    return {
        "ApiKeyRequired": found.get("apiKeyRequired", False),
        "AuthorizationType": found["authorizationType"],
        "AuthorizerId": found.get("authorizerId"),
    }


def _usage_plan(clients: Clients, identifier: str, _expected: Properties) -> dict[str, Any]:
    plan = clients.apigateway.get_usage_plan(usagePlanId=identifier)
    return {
        "Throttle": {
            "BurstLimit": plan["throttle"]["burstLimit"],
            "RateLimit": plan["throttle"]["rateLimit"],
        },
        "Quota": {"Limit": plan["quota"]["limit"], "Period": plan["quota"]["period"]},
    }


def _role(clients: Clients, name: str, expected: Properties) -> dict[str, Any]:
    role = clients.iam.get_role(RoleName=name)["Role"]
    actual: dict[str, Any] = {"AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"]}
    if "Policies" in expected:
        names = clients.iam.list_role_policies(RoleName=name)["PolicyNames"]
        documents = {
            policy: clients.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in names
        }
        # Policies of their own resource are in the role, too, and no part of this one.
        own = {policy["PolicyName"] for policy in expected["Policies"]}
        actual["Policies"] = [
            {"PolicyName": policy, "PolicyDocument": document}
            for policy, document in documents.items()
            if policy in own
        ]
    return actual


def _alarm(clients: Clients, name: str, _expected: Properties) -> dict[str, Any] | None:
    keys = ("ComparisonOperator", "EvaluationPeriods", "Threshold", "TreatMissingData")
    for alarm in clients.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]:
        return {key: alarm[key] for key in keys if key in alarm}
    return None


def _log_group(clients: Clients, name: str, _expected: Properties) -> dict[str, Any] | None:
    groups = clients.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return {} if any(group["logGroupName"] == name for group in groups) else None


READERS: Mapping[str, Reader] = {
    "AWS::ApiGateway::Method": _method,
    "AWS::ApiGateway::UsagePlan": _usage_plan,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Alias": _alias,
    "AWS::Lambda::Function": _function,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SQS::Queue": _queue,
}
