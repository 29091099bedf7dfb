"""When functions run by themselves."""

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from constructs import Construct

from infra.components.function import HandlerFunction
from infra.functions import Schedule


def run_on_schedule(
    scope: Construct, name: str, function: HandlerFunction, schedule: Schedule
) -> None:
    """Invoke ``function`` on its schedule; what fails waits for the next time.

    Args:
        scope: Parent construct.
        name: Beginning of the construct's identifier.
        function: What runs.
        schedule: When.
    """
    function.alias.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(5))
    if schedule.housekeeping:
        events.Rule(
            scope,
            f"{name}Rule",
            schedule=events.Schedule.expression(schedule.expression),
            targets=[event_targets.LambdaFunction(function.alias, retry_attempts=0)],
        )
        return
    scheduler.Schedule(
        scope,
        f"{name}Schedule",
        schedule=scheduler.ScheduleExpression.expression(
            schedule.expression, TimeZone.of(schedule.timezone)
        ),
        target=scheduler_targets.LambdaInvoke(
            function.alias, retry_attempts=0, max_event_age=Duration.minutes(5)
        ),
    )
