"""A state machine that is started by schedule; a start that fails for good is set aside."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.config import Config
from infra.functions import Schedule
from infra.rules import accept

# Tries of a start that Step Functions did not take.
_RETRIES: Final = 10
_EVENT_AGE_S: Final = 6 * 3600
_KEPT_DAYS: Final = 14


class UnstartedExecutions(Construct):
    """The dead-letter queue of schedules, and its alarm.

    Attributes:
        queue: The queue.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config, name: str):
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=config.name(name),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(_KEPT_DAYS),
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        accept(self.queue, "It is the dead-letter queue of the schedules.", "AwsSolutions-SQS3")
        alarm_at(
            self,
            "Alarm",
            config=config,
            name=name,
            description="A scheduled execution could not be started.",
            metric=self.queue.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            threshold=1,
        )


class ScheduledMachine(Construct):
    """Starts a state machine by an EventBridge schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        machine: sfn.StateMachine,
        schedule: Schedule,
        unstarted: UnstartedExecutions,
    ):
        """Create the schedule and its role.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            name: Physical name of the schedule.
            machine: What is started, with an empty object.
            schedule: When.
            unstarted: Where a start goes that failed for good.
        """
        super().__init__(scope, construct_id)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        for action, resource in (
            ("states:StartExecution", machine.state_machine_arn),
            ("sqs:SendMessage", unstarted.queue.queue_arn),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[resource]))
        scheduler.CfnSchedule(
            self,
            "Schedule",
            name=name,
            schedule_expression=schedule.expression,
            schedule_expression_timezone=schedule.timezone,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=machine.state_machine_arn,
                role_arn=role.role_arn,
                input="{}",
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=unstarted.queue.queue_arn
                ),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=_EVENT_AGE_S, maximum_retry_attempts=_RETRIES
                ),
            ),
        )
