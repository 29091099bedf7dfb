"""What the state machines of machine learning have in common: steps, retries, their role."""

from collections.abc import Iterable
from typing import Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.components.alarm import alarm_at
from infra.components.function import HandlerFunction
from infra.config import Config
from infra.rules import accept, accept_wildcards, named

# What says nothing of the step itself: Lambda, a busy function, a store that is away.
_PASSING: Final = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "StoreUnavailableError",
)
# 2 + 4 + ... + 256 s, then 300 s three times: some 23 minutes.
_PASSING_ATTEMPTS: Final = 11
# What else fails may have run out of memory, or have been killed; a step goes on where it was.
_OTHER_ATTEMPTS: Final = 2
_FIRST_WAIT: Final = Duration.seconds(2)
_LONGEST_WAIT: Final = Duration.minutes(5)


def step(scope: Construct, name: str, function: HandlerFunction) -> tasks.LambdaInvoke:
    """Return a state that hands its input to a function, and the answer on, or fails for good.

    Args:
        scope: Parent construct.
        name: Of the state.
        function: What it invokes.
    """
    task = tasks.LambdaInvoke(
        scope,
        name,
        lambda_function=function.alias,
        payload_response_only=True,
        retry_on_service_exceptions=False,
    )
    for errors, attempts in (
        (list(_PASSING), _PASSING_ATTEMPTS),
        ([sfn.Errors.ALL], _OTHER_ATTEMPTS),
    ):
        task.add_retry(
            errors=errors,
            interval=_FIRST_WAIT,
            backoff_rate=2,
            max_delay=_LONGEST_WAIT,
            max_attempts=attempts,
            jitter_strategy=sfn.JitterType.FULL,
        )
    return task


def machine_role(scope: Construct, functions: Iterable[HandlerFunction]) -> iam.Role:
    """Return the role of a machine that may invoke these functions alone."""
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
    arns = [function.alias.function_arn for function in functions]
    role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=arns))
    allow_traces(role)
    return role


def allow_traces(role: iam.Role) -> None:
    """Let a machine record its traces.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
    """
    role.add_to_policy(
        iam.PolicyStatement(
            sid="Trace",
            actions=[
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:PutTelemetryRecords",
                "xray:PutTraceSegments",
            ],
            resources=["*"],
        )
    )
    accept_wildcards(role, "The actions of X-Ray that record traces know no resources.", "*")


def accept_history(machine: sfn.StateMachine) -> None:
    """Accept that a machine has no log."""
    accept(
        machine,
        "Standard executions keep their whole history for 90 days, and each step has its "
        "function's log; a log of events would hold the same again.",
        "AwsSolutions-SF1",
    )


def accept_map_policy(machine: sfn.StateMachine, label: str) -> None:
    """Accept the policy that CDK adds for a Distributed Map, beside that of the role."""
    runs = f"states:execution:{named(machine)}"
    accept_wildcards(
        machine,
        "The runs of the machine and of its map, whose names Step Functions makes up.",
        f"{runs}:*",
        f"{runs}/{label}:*",
    )


def allow_map_runs(role: iam.Role, machine_name: str, label: str) -> None:
    """Let a machine run the children of its Distributed Map.

    https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    """

    def arn(resource: str, rest: str) -> str:
        return Stack.of(role).format_arn(
            service="states",
            resource=resource,
            resource_name=rest,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    children = f"{machine_name}/{label}"
    for actions, resource in (
        (["states:StartExecution"], arn("stateMachine", machine_name)),
        (["states:DescribeExecution", "states:StopExecution"], arn("execution", f"{children}:*")),
        (["states:RedriveExecution"], arn("execution", f"{children}:*")),
    ):
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
    accept_wildcards(
        role,
        "The runs of the machine's own map, whose names Step Functions makes up.",
        f"states:execution:{children}:*",
    )


def alarm_at_failures(
    scope: Construct,
    construct_id: str,
    *,
    config: Config,
    name: str,
    description: str,
    machine: sfn.StateMachine,
) -> cloudwatch.Alarm:
    """Create an alarm that is raised when an execution fails, times out or is aborted."""
    period = Duration.minutes(15)
    return alarm_at(
        scope,
        construct_id,
        config=config,
        name=name,
        description=description,
        metric=cloudwatch.MathExpression(
            expression="SUM(METRICS())",
            using_metrics={
                "failed": machine.metric_failed(period=period, statistic="Sum"),
                "late": machine.metric_timed_out(period=period, statistic="Sum"),
                "aborted": machine.metric_aborted(period=period, statistic="Sum"),
            },
            period=period,
            label="executions",
        ),
        threshold=1,
    )
