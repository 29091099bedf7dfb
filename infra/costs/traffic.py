"""What requests, schedules and stored data cost a month."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from infra.costs.measured import MIX, Durations
from infra.costs.prices import HOURS, SECONDS
from infra.costs.standing import Item, memory_gb
from infra.functions import AUTHORIZER
from infra.references import Place, References
from quant.observability.catalogue import BACKUP_METRICS, PIPELINE_METRICS, REQUEST_METRICS
from quant_http import routes
from quant_http.routes import ROUTES, Access, Capability, Store

# A function with this much memory has one whole processor; with less it has its share.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
WHOLE_PROCESSOR_GB: Final = 1769 / 1024

# Lambda polls a queue by this many long polls of this many seconds at a time, even if it is empty.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_POLLERS: Final = 5
_POLL_S: Final = 20


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nothing has measured, because nobody has used the platform yet.

    Attributes:
        hits: Share of requests whose answer Valkey holds.
        asked: Share of requests for which the gateway asks the authorizer.
        authorizer_s: How long that takes, seconds.
        cold: Share of invocations that start from a snapshot.
        answer_gb: Size of an answer, GB.
        log_gb: What one request logs in all: gateway, authorizer, function, web ACL.
        audited: Share of requests that leave an entry in the audit log.
        traced: Share of requests whose trace is recorded, X-Ray's own choice.
        cache_units: ElastiCache units of a request: its limiter, its answer.
        slower: How much longer a request takes on Lambda than on the machine of the measurement.
        event_s: How long what a schedule invokes takes, seconds.
        objects_gb: What the buckets hold.
        database_gb: What the database holds, as its backups count it.
        changed: Share of the database that a daily backup adds.
    """

    hits: float
    asked: float
    authorizer_s: float
    cold: float
    answer_gb: float
    log_gb: float
    audited: float
    traced: float
    cache_units: float
    slower: float
    event_s: float
    objects_gb: float
    database_gb: float
    changed: float


LIKELY: Final = Assumed(
    hits=0.6,
    asked=0.3,
    authorizer_s=0.015,
    cold=0.01,
    answer_gb=10e-6,
    log_gb=3e-6,
    audited=0.1,
    traced=0.05,
    cache_units=6,
    slower=1.5,
    event_s=5,
    objects_gb=20,
    database_gb=10,
    changed=0.02,
)
LOW: Final = Assumed(
    hits=0.9,
    asked=0.1,
    authorizer_s=0.008,
    cold=0.002,
    answer_gb=4e-6,
    log_gb=2e-6,
    audited=0.05,
    traced=0.05,
    cache_units=4,
    slower=1.0,
    event_s=2,
    objects_gb=5,
    database_gb=5,
    changed=0.005,
)
HIGH: Final = Assumed(
    hits=0.2,
    asked=1.0,
    authorizer_s=0.05,
    cold=0.05,
    answer_gb=40e-6,
    log_gb=6e-6,
    audited=0.3,
    traced=0.1,
    cache_units=12,
    slower=3.0,
    event_s=20,
    objects_gb=100,
    database_gb=30,
    changed=0.1,
)


def by_request(
    references: References, measured: Mapping[str, Durations], assumed: Assumed, requests: int
) -> Iterator[Item]:
    """Yield what a number of requests a month costs."""
    for route, share in MIX.items():
        yield from of_route(references, measured, assumed, route, share * requests)
    if requests:
        # As if each route were asked something in every hour.
        yield "CloudWatch", "custom metric", len(ROUTES) * len(REQUEST_METRICS)


def of_route(
    references: References,
    measured: Mapping[str, Durations],
    assumed: Assumed,
    route: str,
    requests: float,
) -> Iterator[Item]:
    """Yield what requests of one route cost.

    Args:
        references: The resources of the environment.
        measured: Durations by route.
        assumed: What was not measured.
        route: Name of the route.
        requests: How many there are.
    """
    declared = routes.route(route)
    memory = memory_of(references, route)
    seconds = billed_s(measured[route], assumed, memory)
    yield "Lambda", "Lambda compute", requests * seconds * memory
    yield "Lambda", "Lambda requests", requests
    yield "Lambda", "SnapStart restore", requests * assumed.cold * memory
    if declared.access is Access.TOKEN:
        asked = requests * assumed.asked
        guard = memory_of(references, AUTHORIZER)
        yield "Lambda", "Lambda compute", asked * assumed.authorizer_s * guard
        yield "Lambda", "Lambda requests", asked
    yield "API Gateway", "REST API", requests
    if _has_acl(references):
        yield "WAF", "web ACL requests", requests
    yield "CloudWatch", "logs taken in", requests * assumed.log_gb
    yield "CloudWatch", "logs kept", requests * assumed.log_gb * _months_kept(references)
    yield "CloudWatch", "traces", requests * assumed.traced
    if Store.VALKEY in declared.stores:
        yield "ElastiCache", "cache units", requests * assumed.cache_units
    if Capability.AUDIT_QUEUE in declared.capabilities:
        # Sent, received and deleted.
        yield "SQS", "queue requests", 3 * requests * assumed.audited
    # Credentials of the stores, and the key set.
    yield "Secrets Manager", "secret read", 3 * requests * assumed.cold
    yield "Data transfer", "transfer to the internet", requests * assumed.answer_gb


def by_itself(references: References, assumed: Assumed) -> Iterator[Item]:
    """Yield what schedules, pollers and stored data cost, without any request."""
    for memory, times in _scheduled(references):
        yield "Lambda", "Lambda compute", memory * times * assumed.event_s
        yield "Lambda", "Lambda requests", times
        yield "CloudWatch", "logs taken in", times * assumed.log_gb
    queues = len(list(references.of_type("AWS::Lambda::EventSourceMapping")))
    yield "SQS", "queue requests", queues * _POLLERS * SECONDS / _POLL_S
    states = sum(
        str(properties["DefinitionString"]).count('"Type"')
        for _, properties in references.of_type("AWS::StepFunctions::StateMachine")
    )
    # As if every machine ran once a day.
    yield "Step Functions", "transitions", states * 30
    yield "S3", "object storage", assumed.objects_gb
    yield "CloudWatch", "custom metric", len(PIPELINE_METRICS) + len(BACKUP_METRICS)
    for _, plan in references.of_type("AWS::Backup::BackupPlan"):
        rules = plan["BackupPlan"]["BackupPlanRule"]
        # One whole copy, and what has changed since on each day that one is kept of.
        days = max(rule["Lifecycle"]["DeleteAfterDays"] for rule in rules)
        kept = assumed.database_gb * (1 + assumed.changed * days)
        yield "Backup", "database backup", kept


def billed_s(measured: Durations, assumed: Assumed, memory: float) -> float:
    """Return the seconds that Lambda bills for a request of a route, on average.

    Args:
        measured: Of the route.
        assumed: How many answers are kept, and how slow Lambda is.
        memory: Of its function, GB.
    """
    share = memory / WHOLE_PROCESSOR_GB
    kept = measured.cached.billed(share, assumed.slower)
    made = measured.uncached.billed(share, assumed.slower)
    return assumed.hits * kept + (1 - assumed.hits) * made


@cache
def _has_acl(references: References) -> bool:
    return any(references.of_type("AWS::WAFv2::WebACL"))


def memory_of(references: References, function: str) -> float:
    """Return a function's memory, GB."""
    return _memories(references)[function]


@cache
def _memories(references: References) -> Mapping[str, float]:
    found = {}
    for _, properties in references.of_type("AWS::Lambda::Function"):
        image = properties.get("ImageConfig", {}).get("Command", [""])
        handler = str(properties.get("Handler", image[0]))
        found[handler.removesuffix(".handler")] = memory_gb(properties)
    return found


@cache
def _months_kept(references: References) -> float:
    """Return how many months of logs are kept."""
    groups = references.of_type("AWS::Logs::LogGroup")
    return max(float(properties["RetentionInDays"]) for _, properties in groups) / 30


def _scheduled(references: References) -> Iterator[tuple[float, float]]:
    """Yield memory and invocations a month of the functions that schedules invoke."""
    for place, expression, target in _schedules(references):
        for alias in references.targets(place.stack, target):
            if references.kind(alias) != "AWS::Lambda::Alias":
                continue
            named = references.properties(alias)["FunctionName"]
            for function in references.targets(alias.stack, named):
                yield memory_gb(references.properties(function)), times_a_month(expression)


def _schedules(references: References) -> Iterator[tuple[Place, str, Any]]:
    for place, properties in references.of_type("AWS::Scheduler::Schedule"):
        yield place, properties["ScheduleExpression"], properties["Target"]["Arn"]
    for place, properties in references.of_type("AWS::Events::Rule"):
        if "ScheduleExpression" in properties:
            yield place, properties["ScheduleExpression"], properties["Targets"]


_UNIT_HOURS: Final = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}


def times_a_month(expression: str) -> float:
    """Return how often a schedule fires in a month of 730 hours.

    Args:
        expression: A rate, or a cron expression of EventBridge's six fields.

    Raises:
        ValueError: It is of another form.
    """
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return HOURS / (int(rate[1]) * _UNIT_HOURS[rate[2]])
    cron = re.fullmatch(r"cron\((\S+) (\S+) (\S+) \S+ (\S+) \S+\)", expression)
    if cron is None:
        msg = f"no rate and no cron expression: {expression}"
        raise ValueError(msg)
    minutes, hours, day, weekday = cron.groups()
    if day not in {"*", "?"}:
        days = float(_count(day, 31))
    elif weekday not in {"*", "?"}:
        days = _weekdays(weekday) * HOURS / 24 / 7
    else:
        days = HOURS / 24
    return _count(minutes, 60) * _count(hours, 24) * days


def _count(field: str, of: int) -> int:
    """Return how many values of a field of cron match."""
    if field == "*":
        return of
    if step := re.fullmatch(r"(?:\*|0)/(\d+)", field):
        return of // int(step[1])
    return len(field.split(","))


def _weekdays(field: str) -> int:
    return 5 if field == "MON-FRI" else len(field.split(","))
