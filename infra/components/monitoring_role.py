"""The role by which RDS writes down what the operating system of an instance says."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.rules import accept_wildcards


def monitoring_role(scope: Construct, construct_id: str) -> iam.Role:
    """Return the role by which RDS writes what the operating system says to its log group.

    AWS' own policy for it allows the same in all log groups whose names start with ``RDS``.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html
    """
    stack = Stack.of(scope)
    role = iam.Role(
        scope,
        construct_id,
        assumed_by=iam.ServicePrincipal(
            "monitoring.rds.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        ),
    )
    group = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:RDSOSMetrics"
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["logs:CreateLogGroup", "logs:PutRetentionPolicy"], resources=[group]
        )
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=[
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:GetLogEvents",
                "logs:PutLogEvents",
            ],
            resources=[f"{group}:log-stream:*"],
        )
    )
    accept_wildcards(
        role,
        "A stream for each instance, by an identifier that RDS gives the instance.",
        "logs:log-group:RDSOSMetrics:log-stream:*",
    )
    return role
