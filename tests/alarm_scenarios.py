"""What happens to the system when each alarm is to be raised, and the metrics that AWS makes of it.

Each scenario is told in what goes wrong, not in thresholds. Times are in minutes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cloudwatch_math import Metrics

MINUTE: Final = 60
HOUR: Final = 60
DAY: Final = 24 * HOUR
VERSION: Final = "7"


class World:
    """Puts the metrics of what happens in one minute.

    Args:
        metrics: Where they are put.
        prefix: Beginning of physical names.
        stage: The API's stage.
        at: The minute's end, in seconds.
    """

    def __init__(self, metrics: Metrics, prefix: str, stage: str, at: float) -> None:
        self._metrics = metrics
        self._prefix = prefix
        self._stage = stage
        self._at = at

    def _put(
        self, namespace: str, name: str, value: float, count: float = 1, **dimensions: str
    ) -> None:
        self._metrics.put(namespace, name, dimensions, at=self._at, value=value, count=count)

    def requests(
        self, number: int = 200, *, failed: int = 0, slow: int = 0, refused: int = 0
    ) -> None:
        """Answer requests; some with a 503, some after two seconds, some with a 401."""
        for dimensions in (
            {"ApiName": f"{self._prefix}api"},
            {"ApiName": f"{self._prefix}api", "Stage": self._stage},
        ):
            for name, value, count in (
                ("Count", 1, number),
                ("5XXError", 1, failed),
                ("5XXError", 0, number - failed),
                ("Latency", 2000, slow),
                ("Latency", 45, number - slow),
            ):
                if count:
                    self._put("AWS/ApiGateway", name, value, count, **dimensions)
        if refused:
            self._put("Quant", "TokensRefused", 1, refused)

    def runs(self, function: str, *, times: int = 1, crashed: int = 0) -> None:
        """Invoke a function by its alias; Lambda counts each run in several metrics."""
        name = self._prefix + function.replace(".", "-")
        alias = {"FunctionName": name, "Resource": f"{name}:live"}
        for dimensions in (
            {},
            {"FunctionName": name},
            alias,
            {**alias, "ExecutedVersion": VERSION},
        ):
            self._put("AWS/Lambda", "Invocations", 1, times, **dimensions)
            self._put("AWS/Lambda", "Errors", 1 if crashed else 0, crashed or times, **dimensions)

    def logs(self, function: str, metric: str, value: float = 1) -> None:
        """Write a metric of our own into a function's log."""
        self._put("Quant", metric, value, service=function)

    def event(self, metric: str) -> None:
        """Log a line that a metric filter counts."""
        self._put("Quant", metric, 1)

    def queue(self, name: str, *, messages: int = 0, age_h: float = 0) -> None:
        dimensions = {"QueueName": self._prefix + name}
        self._put("AWS/SQS", "ApproximateNumberOfMessagesVisible", messages, **dimensions)
        self._put("AWS/SQS", "ApproximateAgeOfOldestMessage", age_h * 3600, **dimensions)

    def execution(self, machine: str, end: str) -> None:
        """End an execution: ``Succeeded``, ``Failed``, ``TimedOut`` or ``Aborted``."""
        machine_arn = self._prefix + machine
        self._put("AWS/States", f"Executions{end}", 1, StateMachineArn=machine_arn)

    def database(self, **values: float) -> None:
        for name, value in values.items():
            identifier = self._prefix + "database"
            self._put("AWS/RDS", name, value, DBInstanceIdentifier=identifier)

    def proxy(self, *, refused: int) -> None:
        name = self._prefix + "database"
        self._put("AWS/RDS", "DatabaseConnectionsSetupFailed", refused, ProxyName=name)

    def cache(self, **values: float) -> None:
        for name, value in values.items():
            self._put("AWS/ElastiCache", name, value, clusterId=self._prefix + "cache")

    def concurrency(self, environments: int) -> None:
        self._put(
            "AWS/Usage",
            "ResourceCount",
            environments,
            Service="Lambda",
            Type="Resource",
            Resource="ConcurrentExecutions",
            Class="None",
        )

    def reputation(self, *, bounces: float = 0.002, complaints: float = 0.0001) -> None:
        self._put("AWS/SES", "Reputation.BounceRate", bounces)
        self._put("AWS/SES", "Reputation.ComplaintRate", complaints)

    def blocked(self, requests: int) -> None:
        """Have the web ACL refuse requests."""
        self._put(
            "AWS/WAFV2",
            "BlockedRequests",
            requests,
            WebACL=f"{self._prefix}api",
            Region="us-east-1",
            Rule="ALL",
        )


type Happening = Callable[[World], None]


def _nothing(_world: World) -> None:
    """Do nothing: no metric has a value."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A quiet time, what goes wrong, and the time after.

    Attributes:
        quiet: What happens each minute, or ``every`` so many, while all is well.
        wrong: What happens instead while it is not.
        lasts: How long it is wrong, minutes.
        after: How long it is well again until the alarm must have ended.
        before: How long it was well.
        every: Minutes between two happenings.
    """

    quiet: Happening
    wrong: Happening
    lasts: int
    after: int
    before: int = HOUR
    every: int = 1

    def happenings(self) -> Iterator[tuple[int, Happening]]:
        """Yield minutes and what happens then."""
        total = self.before + self.lasts + self.after
        for minute in range(0, total, self.every):
            wrong = self.before <= minute < self.before + self.lasts
            yield minute, self.wrong if wrong else self.quiet


def _set_aside(name: str) -> Scenario:
    return Scenario(
        lambda world: world.queue(name),
        lambda world: world.queue(name, messages=1),
        lasts=5,
        after=5,
    )


def _waiting(name: str, hours: float) -> Scenario:
    return Scenario(
        lambda world: world.queue(name, messages=3, age_h=0.01),
        lambda world: world.queue(name, messages=30, age_h=hours),
        lasts=10,
        after=15,
    )


def _event(metric: str) -> Scenario:
    return Scenario(_nothing, lambda world: world.event(metric), lasts=1, after=30)


def _crash(function: str, *, after: int, also: tuple[str, ...] = ()) -> Scenario:
    def quiet(world: World) -> None:
        for name in (function, *also):
            world.runs(name)

    return Scenario(quiet, lambda world: world.runs(function, crashed=1), lasts=1, after=after)


def _silence(function: str, *, hours: int) -> Scenario:
    """A function that runs every hour stops for a while."""
    return Scenario(
        lambda world: world.runs(function),
        _nothing,
        before=2 * hours * HOUR,
        lasts=2 * hours * HOUR,
        after=2 * hours * HOUR,
        every=HOUR,
    )


def _collection(metric: str) -> Scenario:
    return Scenario(
        lambda world: world.logs("collect.house", "CollectionCompleted"),
        lambda world: world.logs("collect.house", metric),
        lasts=1,
        after=30,
    )


def _machine(name: str) -> Scenario:
    return Scenario(_nothing, lambda world: world.execution(name, "Failed"), lasts=1, after=HOUR)


def _no_success(machine: str) -> Scenario:
    """A machine that succeeds each day fails for four."""
    return Scenario(
        lambda world: world.execution(machine, "Succeeded"),
        lambda world: world.execution(machine, "Failed"),
        before=10 * DAY,
        lasts=4 * DAY,
        after=4 * DAY,
        every=DAY,
    )


def _measure(metric: str, well: float, ill: float, *, lasts: int = 30) -> Scenario:
    return Scenario(
        lambda world: world.logs("pipeline.measure", metric, well),
        lambda world: world.logs("pipeline.measure", metric, ill),
        lasts=lasts,
        after=HOUR,
        every=5,
    )


def _database(well: Mapping[str, float], ill: Mapping[str, float]) -> Scenario:
    return Scenario(
        lambda world: world.database(**well),
        lambda world: world.database(**ill),
        lasts=30,
        after=30,
    )


def _api(lasts: int, after: int, before: int, *, failed: int = 0, slow: int = 0) -> Scenario:
    """Some of 200 requests a minute fail or are slow."""
    return Scenario(
        lambda world: world.requests(),
        lambda world: world.requests(failed=failed, slow=slow),
        lasts=lasts,
        after=after,
        before=before,
    )


_GIB: Final = 1024**3
_DAY_S: Final = 86_400

SCENARIOS: Final[Mapping[str, Scenario]] = {
    # One request in five fails for an hour; one in a hundred for six.
    "availability-fast": _api(60, 15, 2 * HOUR, failed=40),
    "availability-slow": _api(6 * HOUR, 45, 7 * HOUR, failed=2),
    "latency-fast": _api(60, 15, 2 * HOUR, slow=160),
    "latency-slow": _api(6 * HOUR, 45, 7 * HOUR, slow=80),
    # A release of the whole API goes wrong.
    "api-errors": _api(5, 10, HOUR, failed=100),
    "tokens-refused": Scenario(
        lambda world: world.requests(refused=4),
        lambda world: world.requests(refused=190),
        lasts=20,
        after=30,
    ),
    "web-acl-blocked": Scenario(
        lambda world: world.blocked(1),
        lambda world: world.blocked(5000),
        lasts=15,
        after=30,
    ),
    "limiter-fallback": Scenario(
        _nothing,
        lambda world: world.logs("trades.list", "LimiterFallback"),
        lasts=2,
        after=5,
    ),
    "database-connections": _database({"DatabaseConnections": 40}, {"DatabaseConnections": 400}),
    "database-load": _database({"CPUUtilization": 25}, {"CPUUtilization": 99}),
    "database-memory": _database({"FreeableMemory": _GIB}, {"FreeableMemory": 60 * 1024**2}),
    "database-storage": _database(
        {"FreeStorageSpace": 15 * _GIB}, {"FreeStorageSpace": 0.5 * _GIB}
    ),
    "database-proxy": Scenario(
        lambda world: world.proxy(refused=0),
        lambda world: world.proxy(refused=3),
        lasts=15,
        after=15,
    ),
    "cache-throttled": Scenario(
        lambda world: world.cache(ThrottledCmds=0),
        lambda world: world.cache(ThrottledCmds=250),
        lasts=15,
        after=15,
    ),
    "cache-full": Scenario(
        lambda world: world.cache(BytesUsedForCache=80e6),
        lambda world: world.cache(BytesUsedForCache=5e9),
        lasts=10,
        after=15,
    ),
    "concurrency": Scenario(
        lambda world: world.concurrency(30),
        lambda world: world.concurrency(900),
        lasts=10,
        after=15,
    ),
    "mail-bounces": Scenario(
        lambda world: world.reputation(),
        lambda world: world.reputation(bounces=0.08),
        lasts=2 * HOUR,
        after=4 * HOUR,
        every=15,
    ),
    "mail-complaints": Scenario(
        lambda world: world.reputation(),
        lambda world: world.reputation(complaints=0.004),
        lasts=2 * HOUR,
        after=4 * HOUR,
        every=15,
    ),
    "audit-anchor": _silence("audit.anchor", hours=24),
    "audit-maintenance": _silence("audit.maintain", hours=24),
    "analytics-precompute": _silence("analytics.precompute", hours=2),
    "analytics-errors": _crash("export.run", after=HOUR, also=("analytics.precompute",)),
    "pipeline-errors": _crash("collect.prices", after=HOUR, also=("collect.house",)),
    "source-refused": _collection("CollectionRefused"),
    "source-changed": _collection("CollectionLayoutChanged"),
    "layout-unknown": Scenario(
        _nothing, lambda world: world.logs("pipeline.parse", "LayoutUnknown"), lasts=1, after=HOUR
    ),
    "source-stale": _measure("SourcesStale", 0, 1),
    "disclosure-age": _measure("LatestDisclosureAge", 3 * _DAY_S, 20 * _DAY_S),
    "ml-unstarted": _set_aside("ml-unstarted"),
    "ml-training": _machine("training"),
    "ml-prediction": _machine("prediction"),
    "ml-no-prediction": _no_success("prediction"),
    "restore-drill": _machine("restore-drill"),
    "restore-drill-silent": _no_success("restore-drill"),
    "restore-drill-unstarted": _set_aside("restore-drill-unstarted"),
    "backup-failed": _set_aside("backup-failed"),
    "ml-artifact-unusable": _event("ArtifactUnusable"),
    "ml-drift": _event("ModelDrift"),
    "ml-performance": _event("ModelPerformanceDrift"),
    "ml-unmonitored": _event("ModelNotMonitored"),
    **{
        f"{queue}-set-aside": _set_aside(f"{queue}-set-aside")
        for queue in ("audit", "parse", "fetch", "reports", "alerts", "deliveries", "exports")
    },
    "audit-age": _waiting("audit", 2),
    "deliveries-age": _waiting("deliveries", 40),
    **{
        f"{queue}-age": _waiting(queue, 7)
        for queue in ("parse", "fetch", "reports", "alerts", "exports")
    },
}


def of_function(function: str) -> tuple[Scenario, ...]:
    """Return what must raise the alarm of one function: crashes, and for routes also answers."""

    def well(world: World) -> None:
        world.runs(function, times=20)

    crashes = Scenario(
        well, lambda world: world.runs(function, times=20, crashed=3), lasts=2, after=10
    )
    answers = Scenario(
        well, lambda world: world.logs(function, "ServerErrors", 3), lasts=2, after=10
    )
    return crashes, answers
