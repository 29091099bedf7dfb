"""A function that runs by schedule, and an alarm for when it does not."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.components.alarm import alarm_at_silence
from infra.components.function import HandlerFunction
from infra.config import Config

# Tries of an invocation that Lambda did not take, within the hour; what the function then fails at
# Lambda itself tries twice more.
_RETRIES: Final = 3
_EVENT_AGE_S: Final = 3600


class Scheduled(Construct):
    """Invokes a function's alias by an EventBridge schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        name: str,
        function: HandlerFunction,
        expression: str,
    ):
        """Create the schedule, its role, and the alarm.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            name: Name of schedule and alarm.
            function: What runs, at least once a day.
            expression: When, in UTC; a cron or rate expression.
        """
        super().__init__(scope, construct_id)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"], resources=[function.alias.function_arn]
            )
        )
        scheduler.CfnSchedule(
            self,
            "Schedule",
            name=config.name(name),
            schedule_expression=expression,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.alias.function_arn,
                role_arn=role.role_arn,
                input="{}",
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=_EVENT_AGE_S, maximum_retry_attempts=_RETRIES
                ),
            ),
        )
        alarm_at_silence(
            self,
            "Alarm",
            config=config,
            name=name,
            description=f"{name} failed, or has not run for a day.",
            function=function.function,
            period=Duration.days(1),
        )
