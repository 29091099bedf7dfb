"""What an operator looks at: dashboards of the service, of the stores and of the pipeline."""

from collections.abc import Iterable, Sequence
from typing import Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.objectives import (
    BURN_RATES,
    FAST_MS,
    OBJECTIVES,
    burn_rate,
    gateway_metric,
)
from infra.components.store_alarms import cache_metric, database_metric, proxy_metric
from infra.config import Config
from infra.pipeline_functions import MEASURE
from quant.observability import catalogue
from quant.observability.catalogue import NAMESPACE, SERVICE, Metric, summed
from quant.pipeline.queues import Queue

_PERIOD: Final = Duration.minutes(5)
_WIDTH: Final = 24
_HEIGHT: Final = 6
_MACHINES: Final = ("training", "prediction", "backfill")
_QUEUES: Final = ("audit", *(queue.value for queue in Queue))

Row = Sequence[cloudwatch.IWidget]


class Dashboards(Construct):
    """The dashboards of an environment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        objectives: Sequence[cloudwatch.IAlarm],
    ):
        """Create them.

        Args:
            scope: Parent construct.
            construct_id: Identifier below the parent.
            config: The environment's settings.
            objectives: Alarms of the objectives, whose states are shown first.
        """
        super().__init__(scope, construct_id)
        self._config = config
        for name, rows in (
            ("overview", [*self._objectives(objectives), *self._requests(), self._health()]),
            ("stores", [*self._stores(), *self._queues()]),
            ("pipeline", [*self._collection(), self._machines()]),
        ):
            cloudwatch.Dashboard(
                self,
                name.capitalize(),
                dashboard_name=config.name(name),
                default_interval=Duration.hours(6),
                widgets=[list(row) for row in rows],
            )

    def _objectives(self, alarms: Sequence[cloudwatch.IAlarm]) -> Iterable[Row]:
        day = Duration.days(1)
        good: list[cloudwatch.IMetric] = [
            cloudwatch.MathExpression(
                expression="100 * (1 - failed / requests)",
                using_metrics={
                    "failed": gateway_metric(self._config, "5XXError", "Sum", day),
                    "requests": gateway_metric(self._config, "Count", "SampleCount", day),
                },
                period=day,
                label="% without 5xx, 24 h",
            ),
            gateway_metric(self._config, "Latency", f"PR(:{FAST_MS})", day).with_(
                label=f"% within {FAST_MS} ms, 24 h"
            ),
        ]
        yield (
            cloudwatch.AlarmStatusWidget(
                title="Objectives", alarms=list(alarms), width=_WIDTH // 2, height=_HEIGHT
            ),
            cloudwatch.SingleValueWidget(
                title="Objectives: 99.9 % and 95 %",
                metrics=good,
                width=_WIDTH // 2,
                height=_HEIGHT,
            ),
        )
        yield _row(
            *(
                (
                    f"Budget of {objective.name}, times too fast",
                    [burn_rate(self._config, objective, speed.long)],
                )
                for objective in OBJECTIVES
                for speed in BURN_RATES
            )
        )

    def _requests(self) -> Iterable[Row]:
        def gateway(name: str, statistic: str) -> cloudwatch.Metric:
            return gateway_metric(self._config, name, statistic, _PERIOD).with_(
                label=f"{name} {statistic}"
            )

        yield _row(
            ("Requests", [gateway("Count", "SampleCount")]),
            ("Refused and failed", [gateway("4XXError", "Sum"), gateway("5XXError", "Sum")]),
            ("Latency, ms", [gateway("Latency", each) for each in ("p50", "p95", "p99")]),
        )
        yield _row(
            ("Requests by route", [_by_service(catalogue.DURATION, "SampleCount")]),
            ("5xx by route", [_by_service(catalogue.SERVER_ERRORS, "Sum")]),
            ("p95 by route, ms", [_by_service(catalogue.DURATION, "p95")]),
        )

    def _health(self) -> Row:
        hits, misses = (_total(each) for each in (catalogue.CACHE_HITS, catalogue.CACHE_MISSES))
        return _row(
            ("Refused by the limiter", [_by_service(catalogue.THROTTLED, "Sum")]),
            ("Limited without Valkey", [_total(catalogue.LIMITER_FALLBACK)]),
            ("Answers in the cache, and not", [hits, misses]),
            (
                "Freshness",
                [
                    cloudwatch.MathExpression(
                        expression="age / 86400",
                        using_metrics={"age": _measured(catalogue.LATEST_DISCLOSURE_AGE)},
                        period=_PERIOD,
                        label="days since the latest disclosure",
                    ),
                    _measured(catalogue.SOURCES_STALE),
                ],
            ),
        )

    def _stores(self) -> Iterable[Row]:
        config = self._config
        if config.database is not None:
            settings = config.database

            def database(name: str, statistic: str) -> cloudwatch.Metric:
                return database_metric(config, settings, name, statistic)

            capacity = "CPUUtilization" if settings.aurora is None else "ACUUtilization"
            yield _row(
                ("Postgres: load, %", [database(capacity, "Average")]),
                (
                    "Postgres: connections",
                    [
                        database("DatabaseConnections", "Maximum"),
                        proxy_metric(config, "ClientConnections", "Sum"),
                    ],
                ),
                (
                    "Postgres: free, bytes",
                    [database(name, "Minimum") for name in ("FreeableMemory", "FreeStorageSpace")],
                ),
                (
                    "Proxy: wait for a connection, us",
                    [proxy_metric(config, "DatabaseConnectionsBorrowLatency", "Average")],
                ),
            )
        if config.cache is not None:
            yield _row(
                ("Valkey: bytes", [cache_metric(config, "BytesUsedForCache", "Maximum")]),
                (
                    "Valkey: processing units",
                    [cache_metric(config, "ElastiCacheProcessingUnits", "Sum")],
                ),
                (
                    "Valkey: refused and evicted",
                    [cache_metric(config, name, "Sum") for name in ("ThrottledCmds", "Evictions")],
                ),
                (
                    "Valkey: reads, us",
                    [cache_metric(config, "SuccessfulReadRequestLatency", "p95")],
                ),
            )

    def _queues(self) -> Iterable[Row]:
        yield _row(
            (
                "Queues: age of the oldest, s",
                [self._queue(name, "ApproximateAgeOfOldestMessage") for name in _QUEUES],
            ),
            (
                "Queues: messages",
                [self._queue(name, "ApproximateNumberOfMessagesVisible") for name in _QUEUES],
            ),
            (
                "Set aside",
                [
                    self._queue(f"{name}-set-aside", "ApproximateNumberOfMessagesVisible")
                    for name in _QUEUES
                ],
            ),
        )

    def _queue(self, name: str, metric: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SQS",
            metric_name=metric,
            dimensions_map={"QueueName": self._config.name(name)},
            period=_PERIOD,
            statistic="Maximum",
            label=name,
        )

    def _collection(self) -> Iterable[Row]:
        yield _row(
            ("Completed runs", [_by_service(catalogue.COLLECTION_COMPLETED, "Sum")]),
            (
                "Other runs",
                [
                    _total(each)
                    for each in (
                        catalogue.COLLECTION_REFUSED,
                        catalogue.COLLECTION_THROTTLED,
                        catalogue.COLLECTION_LAYOUT_CHANGED,
                        catalogue.COLLECTION_UNREACHABLE,
                    )
                ],
            ),
        )
        yield _row(
            (
                "Backlog",
                [_measured(catalogue.FILINGS_TO_FETCH), _measured(catalogue.OUTBOX_WAITING)],
            ),
            ("Outbox: age of the oldest, s", [_measured(catalogue.OUTBOX_AGE)]),
            ("Rejected documents", [_measured(catalogue.DOCUMENTS_REJECTED)]),
        )

    def _machines(self) -> Row:
        return _row(
            *(
                (f"Executions {what}", [self._machine(name, metric) for name in _MACHINES])
                for what, metric in (
                    ("succeeded", "ExecutionsSucceeded"),
                    ("failed", "ExecutionsFailed"),
                    ("timed out", "ExecutionsTimedOut"),
                )
            )
        )

    def _machine(self, name: str, metric: str) -> cloudwatch.Metric:
        arn = Stack.of(self).format_arn(
            service="states",
            resource="stateMachine",
            resource_name=self._config.name(name),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return cloudwatch.Metric(
            namespace="AWS/States",
            metric_name=metric,
            dimensions_map={"StateMachineArn": arn},
            period=_PERIOD,
            statistic="Sum",
            label=name,
        )


def _row(*graphs: tuple[str, Sequence[cloudwatch.IMetric]]) -> Row:
    """Return graphs of one width, each with its title."""
    return [
        cloudwatch.GraphWidget(
            title=title, left=list(metrics), width=_WIDTH // len(graphs), height=_HEIGHT
        )
        for title, metrics in graphs
    ]


def _by_service(metric: Metric, statistic: str) -> cloudwatch.MathExpression:
    """Return the ten greatest series of a metric by function.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-search-expressions.html
    """
    search = f"SEARCH('{{{NAMESPACE},{SERVICE}}} MetricName=\"{metric.name}\"', '{statistic}')"
    return cloudwatch.MathExpression(
        expression=f"SLICE(SORT({search}, MAX, DESC), 0, 10)",
        using_metrics={},
        period=_PERIOD,
        label="",
    )


def _total(metric: Metric) -> cloudwatch.MathExpression:
    """Return the sum of a metric over all functions."""
    return cloudwatch.MathExpression(
        expression=summed(metric),
        using_metrics={},
        period=_PERIOD,
        label=metric.name,
    )


def _measured(metric: Metric) -> cloudwatch.Metric:
    """Return a metric of the function that measures the pipeline."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric.name,
        dimensions_map={SERVICE: MEASURE},
        period=_PERIOD,
        statistic="Maximum",
    )
