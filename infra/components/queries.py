"""Queries of CloudWatch Logs Insights, saved where the console offers them.

A saved query names its log groups, 50 at most, because the console does not take the command that
names them by their prefix. What asks all functions is therefore saved for each area.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Source.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.all_functions import FUNCTIONS, consumer_of
from infra.batch_functions import BATCH_FUNCTIONS
from infra.config import Config
from infra.functions import API_FUNCTIONS, AREA_FUNCTIONS, AUDIT_DRAIN, AUTHORIZER, Area
from infra.ml_functions import ML_FUNCTIONS
from infra.pipeline_functions import PARSE, PIPELINE_FUNCTIONS
from quant.pipeline.queues import Queue

# In the place of log groups of functions: that of the API's requests.
ACCESS_LOG: Final = ""

_AREAS: Final[Mapping[str, tuple[str, ...]]] = {
    area.value: tuple(AREA_FUNCTIONS[area]) for area in Area
}
_ALL: Final[Mapping[str, tuple[str, ...]]] = {
    **_AREAS,
    "api": tuple(API_FUNCTIONS),
    "pipeline": (*PIPELINE_FUNCTIONS, *BATCH_FUNCTIONS),
    "ml": tuple(ML_FUNCTIONS),
}


def _one(name: str) -> Mapping[str, tuple[str, ...]]:
    return {"": (name,)}


@dataclass(frozen=True, slots=True)
class Query:
    """A query of the logs.

    Attributes:
        name: Its name; the console makes folders of the parts that slashes separate.
        lines: Its commands.
        groups: Names of functions by the last part of the query's name.
        asks: Placeholder and what to put there, if it has one.
    """

    name: str
    lines: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    asks: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """The query as Logs Insights reads it."""
        return "\n| ".join(self.lines)


QUERIES: Final = (
    Query(
        "request",
        (
            "fields @timestamp, service, level, message, status, Duration, exception_name",
            'filter request_id = "{{request_id}}"',
            "sort @timestamp asc",
            "limit 500",
        ),
        _ALL,
        asks=("request_id", "Value of the header X-Request-Id, also in every problem"),
    ),
    Query(
        "access",
        (
            "fields @timestamp, method, route, status, latency_ms, authorizer_ms, error_type",
            'filter request_id = "{{request_id}}"',
        ),
        _one(ACCESS_LOG),
        asks=("request_id", "Value of the header X-Request-Id, also in every problem"),
    ),
    Query(
        "slowest-routes",
        (
            "filter ispresent(latency_ms)",
            "stats count(*) as requests, pct(latency_ms, 95) as p95_ms, max(latency_ms) as max_ms"
            " by method, route",
            "sort p95_ms desc",
            "limit 25",
        ),
        _one(ACCESS_LOG),
    ),
    Query(
        "server-errors",
        (
            "filter status >= 500",
            "stats count(*) as errors, latest(request_id) as latest_request"
            " by method, route, status, error_type",
            "sort errors desc",
        ),
        _one(ACCESS_LOG),
    ),
    Query(
        "throttled-callers",
        (
            "filter status = 429",
            "stats count(*) as refusals by principal, api_key_id, route, error_type",
            "sort refusals desc",
            "limit 50",
        ),
        _one(ACCESS_LOG),
    ),
    Query(
        "refused-tokens",
        (
            "filter message like /^token refused/",
            "stats count(*) as refusals by message, bin(5m)",
            "sort refusals desc",
        ),
        _one(AUTHORIZER),
    ),
    Query(
        "errors-by-function",
        (
            "filter level = 'ERROR' or @message like /Task timed out|Runtime\\.|\\[ERROR\\]/",
            "stats count(*) as errors, latest(@timestamp) as last"
            " by service, message, exception_name",
            "sort errors desc",
        ),
        _ALL,
    ),
    Query(
        "limiter-fallbacks",
        (
            "filter LimiterFallback > 0",
            "stats sum(LimiterFallback) as fallbacks by service, bin(1m)",
        ),
        _AREAS,
    ),
    Query(
        "set-aside-causes",
        (
            "filter level = 'ERROR'",
            "stats count(*) as failures, latest(@timestamp) as last"
            " by service, message, error, exception_name",
            "sort failures desc",
        ),
        {"": (AUDIT_DRAIN, *(consumer_of(queue).name for queue in Queue))},
    ),
    Query(
        "rejected-documents",
        (
            "fields @timestamp, key, reason",
            "filter message = 'document processed' and outcome = 'rejected'",
            "sort @timestamp desc",
        ),
        _one(PARSE),
    ),
)


class Queries(Construct):
    """The saved queries of an environment."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config):
        super().__init__(scope, construct_id)
        for query in QUERIES:
            for part, functions in query.groups.items():
                name = "/".join(filter(None, (query.name, part)))
                logs.CfnQueryDefinition(
                    self,
                    "".join(word.capitalize() for word in name.replace("/", "-").split("-")),
                    name=config.name(f"logs/{name}"),
                    query_string=query.text,
                    log_group_names=list(_log_groups(config, functions)),
                    parameters=list(_parameters(query)) or None,
                )


def _log_groups(config: Config, functions: Iterable[str]) -> Iterator[str]:
    for name in functions:
        if name == ACCESS_LOG:
            yield access_log_name(config)
        else:
            assert name in FUNCTIONS  # noqa: S101 - else the query would look nowhere
            yield f"/aws/lambda/{config.function_name(name)}"


def access_log_name(config: Config) -> str:
    """Return the name of the log group of the API's requests."""
    return f"/aws/apigateway/{config.name('api')}"


def _parameters(query: Query) -> Iterator[logs.CfnQueryDefinition.QueryParameterProperty]:
    if query.asks is not None:
        name, description = query.asks
        yield logs.CfnQueryDefinition.QueryParameterProperty(name=name, description=description)
