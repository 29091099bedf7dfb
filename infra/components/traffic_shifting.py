"""Releases that serve a tenth of the requests first, and go back when an alarm is raised."""

from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import Config
from infra.rules import accept_wildcards

# Of the API as a whole: the name of its alarm within the environment.
API_ERRORS: Final = "api-errors"


class TrafficShifting(Construct):
    """One stack's application of CodeDeploy, with a deployment group for each function.

    CloudFormation leaves the alias to CodeDeploy whenever its version changes.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html

    Args:
        scope: The stack, whose name the application has.
        construct_id: Identifier below the stack.
        config: The environment's settings.
    """

    def __init__(self, scope: Stack, construct_id: str, *, config: Config):
        super().__init__(scope, construct_id)
        self._application = codedeploy.LambdaApplication(
            self, "Application", application_name=scope.stack_name
        )
        # A deployment group would attach AWS's own policy, which allows this in any function.
        self._role = self._service_role(config).without_policy_updates()
        # Of the API's stack, which comes later: by its name.
        self._api_errors = cloudwatch.Alarm.from_alarm_name(
            self, "ApiErrors", config.name(API_ERRORS)
        )

    def shift(
        self, construct_id: str, name: str, alias: lambda_.Alias, failures: cloudwatch.IAlarm
    ) -> None:
        """Have a function's alias moved to a new version in two steps, five minutes apart.

        Args:
            construct_id: Identifier of the group.
            name: Physical name of the function, and of the group.
            alias: The alias.
            failures: Alarm that judges it, beside that of the whole API.
        """
        codedeploy.LambdaDeploymentGroup(
            self,
            construct_id,
            application=self._application,
            deployment_group_name=name,
            alias=alias,
            role=self._role,
            deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
            alarms=[failures, self._api_errors],
        )

    def _service_role(self, config: Config) -> iam.Role:
        """Return the role that CodeDeploy moves aliases with.

        https://docs.aws.amazon.com/codedeploy/latest/userguide/security_confused_deputy.html
        """
        stack = Stack.of(self)
        groups = stack.format_arn(
            service="codedeploy",
            resource="deploymentgroup",
            resource_name=f"{stack.stack_name}/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "codedeploy.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": groups},
                },
            ),
            inline_policies={"Shift": iam.PolicyDocument(statements=_statements(stack, config))},
        )
        accept_wildcards(
            role,
            "The functions of the environment are more than a policy has room for by name.",
            f"lambda:function:{config.name('*')}",
        )
        accept_wildcards(
            role,
            "CloudWatch tells the state of alarms to those alone who may ask for that of all.",
            "*",
        )
        return role


def _statements(stack: Stack, config: Config) -> list[iam.PolicyStatement]:
    functions = stack.format_arn(
        service="lambda",
        resource="function",
        resource_name=config.name("*"),
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        iam.PolicyStatement(
            sid="MoveAliases",
            actions=[
                "lambda:GetAlias",
                "lambda:GetProvisionedConcurrencyConfig",
                "lambda:UpdateAlias",
            ],
            resources=[functions],
        ),
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        iam.PolicyStatement(
            sid="ReadAlarms", actions=["cloudwatch:DescribeAlarms"], resources=["*"]
        ),
    ]
