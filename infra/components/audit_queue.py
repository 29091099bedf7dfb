"""Where audit entries wait while Postgres is away."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import Config
from infra.functions import AUDIT_DRAIN, FUNCTIONS

# SQS keeps a message no longer.
_KEPT_DAYS: Final = 14
# The timeout of the function that drains it, times the six that AWS recommends.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY: Final = Duration.seconds(6 * FUNCTIONS[AUDIT_DRAIN].timeout_s)
# The most SQS allows: at a minute each, Postgres may be away for 16 hours.
_RECEIVED_AT_MOST: Final = 1000


class AuditQueue(Construct):
    """An encrypted queue, TLS only, and the queue of what could not be drained from it.

    Attributes:
        queue: What functions send to.
        set_aside: What nobody could append; an alarm watches it, a person decides.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Config):
        super().__init__(scope, construct_id)
        self.set_aside = self._queue("SetAside", config, "audit-set-aside", None)
        self.queue = self._queue(
            "Queue",
            config,
            "audit",
            sqs.DeadLetterQueue(queue=self.set_aside, max_receive_count=_RECEIVED_AT_MOST),
        )
        cloudwatch.Alarm(
            self,
            "SetAsideAlarm",
            alarm_name=config.name("audit-set-aside"),
            alarm_description="Audit entries could not be appended and were set aside.",
            metric=self.set_aside.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        cloudwatch.Alarm(
            self,
            "AgeAlarm",
            alarm_name=config.name("audit-age"),
            alarm_description="Audit entries have waited an hour for Postgres.",
            metric=self.queue.metric_approximate_age_of_oldest_message(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            threshold=3600,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _queue(
        self, construct_id: str, config: Config, name: str, aside: sqs.DeadLetterQueue | None
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            queue_name=config.name(name),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(_KEPT_DAYS),
            visibility_timeout=_VISIBILITY,
            dead_letter_queue=aside,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
