"""A queue of work for a function, and the queue of what that function could not do."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.config import Config

# SQS keeps a message no longer.
_KEPT_DAYS: Final = 14


class WorkQueue(Construct):
    """An encrypted queue, TLS only, whose poison messages are set aside with an alarm.

    Attributes:
        queue: What functions send to.
        set_aside: Its dead-letter queue; what it holds waits for a person.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        name: str,
        work: str,
        consumer_timeout_s: int,
        receives: int,
        alarm_age: Duration,
    ):
        """Create both queues and their alarms.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            name: Name of the queue; that of the other one is ``<name>-set-aside``.
            work: What the messages are, for the alarms' descriptions.
            consumer_timeout_s: Timeout of the function that it feeds, seconds.
            receives: How often a message is tried before it is set aside.
            alarm_age: How old the oldest message may become.
        """
        super().__init__(scope, construct_id)
        # What AWS recommends, so that a batch is not delivered again while it is being retried.
        # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        visibility = Duration.seconds(6 * consumer_timeout_s)
        self.set_aside = self._queue("SetAside", config, f"{name}-set-aside", visibility, None)
        self.queue = self._queue(
            "Queue",
            config,
            name,
            visibility,
            sqs.DeadLetterQueue(queue=self.set_aside, max_receive_count=receives),
        )
        alarm_at(
            self,
            "SetAsideAlarm",
            config=config,
            name=f"{name}-set-aside",
            description=f"{work} failed too often and were set aside.",
            metric=self.set_aside.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=1,
            runbook="queue-set-aside",
        )
        alarm_at(
            self,
            "AgeAlarm",
            config=config,
            name=f"{name}-age",
            description=f"{work} have waited for {alarm_age.to_hours()} h.",
            metric=self.queue.metric_approximate_age_of_oldest_message(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            threshold=alarm_age.to_seconds(),
            runbook="queue-age",
        )

    def _queue(
        self,
        construct_id: str,
        config: Config,
        name: str,
        visibility: Duration,
        aside: sqs.DeadLetterQueue | None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            queue_name=config.name(name),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(_KEPT_DAYS),
            visibility_timeout=visibility,
            dead_letter_queue=aside,
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
