"""Warm requests for lists, beside the least that answers them and beside a conventional service."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean

import psutil
import valkey
from api_latency import percentile
from bulk_support import fill_trades
from environment import MB_OF_ONE_CPU, Environment, cpu_seconds
from http_service import Page, Service
from limit_support import connect
from packaged import PEERS, handlers
from report import Report, Sample, package_versions, sample, short
from sqlalchemy import create_engine, text
from stores import Stores, new_database, stores
from supervisor.database import APP_ROLE
from tests.integration.conftest import rest_api_event

from quant.observability import catalogue

TRADES, POLITICIANS, TICKERS = 50_000, 300, 200
LIMIT = 50
ROUNDS, REQUESTS = 15, 40
FEWER_ROUNDS = 5  # with a part of a CPU only
# All of a CPU, and parts of one as Lambda gives them with memory, MB.
CPUS = (None, MB_OF_ONE_CPU, 1_024, 512)
ROUTES = {"/trades": "trades", "/politicians": "politicians"}
OURS, CACHED = "ours", "ours, cached"
FLOOR, FLOOR_JSON, SERVICE = "floor", "floor, JSON by Postgres", "service"
SUBJECTS = (FLOOR, FLOOR_JSON, OURS, CACHED, SERVICE)
PACKAGES = ("fastapi", "sqlalchemy", "asyncpg", "uvicorn", "uvloop", "pg8000", "orjson", "valkey")


class Function:
    """A function that is asked for a list."""

    def __init__(self, environment: Environment, path: str) -> None:
        self.process = environment.process
        self.environment = environment
        self._path = path

    def ask(self) -> tuple[float, bytes]:
        """Seconds until the answer, and its body."""
        # Each of an account of its own: no limit holds it back.
        event = json.dumps(rest_api_event(self._path, {"limit": LIMIT})).encode()
        answer = self.environment.invoke(event)
        document = answer.document
        if answer.is_error or document["statusCode"] != 200:
            msg = f"{document}\n{self.environment.output()[-3000:]}"
            raise AssertionError(msg)
        return answer.seconds, document["body"].encode()


type Subject = Function | Page


class Taken:
    """What the requests to one subject took.

    Attributes:
        rounds: By round, seconds of each request.
        cpu: Seconds of the processor, of all requests.
    """

    def __init__(self) -> None:
        self.rounds: list[list[float]] = []
        self.cpu = 0.0

    @property
    def requests(self) -> tuple[float, ...]:
        return tuple(taken for each in self.rounds for taken in each)

    @property
    def medians(self) -> Sample:
        """Of each round, ms."""
        return sample([percentile(tuple(each), 50) * 1000 for each in self.rounds])

    @property
    def means(self) -> Sample:
        """Of each round, ms."""
        return sample([fmean(each) * 1000 for each in self.rounds])

    @property
    def cpu_ms(self) -> float:
        """Of a request."""
        return self.cpu / len(self.requests) * 1000


# By route, memory and subject.
type Place = tuple[str, int | None, str]


def run() -> Report:
    taken: dict[Place, Taken] = defaultdict(Taken)
    with stores() as servers, handlers() as code:
        database = new_database(servers.postgres, "bench_warm", servers.passwords)
        engine = create_engine(servers.postgres.url(database.name))
        fill_trades(engine, TRADES, politicians=POLITICIANS, tickers=TICKERS)
        with engine.connect() as connection:
            version = str(connection.scalar(text("show server_version")))
        engine.dispose()
        variables = {
            **servers.variables(database),
            "BENCH_USER": APP_ROLE,
            "BENCH_PASSWORD": servers.passwords[APP_ROLE],
        }
        with _one_core_apart() as core:
            for memory_mb in CPUS:
                with _subjects(variables, code, memory_mb) as subjects:
                    for subject in subjects.values():
                        subject.process.cpu_affinity([core])
                    _measure(subjects, servers, memory_mb, taken)
    return _report(taken, version)


@contextmanager
def _one_core_apart() -> Iterator[int]:
    """A core, from which this process and its servers keep away where there is another."""
    own = psutil.Process()
    cores = own.cpu_affinity()
    for process in (own, *own.children(recursive=True)):
        process.cpu_affinity(cores[:-1] or cores)
    try:
        yield cores[-1]
    finally:
        own.cpu_affinity(cores)


@contextmanager
def _subjects(
    variables: Mapping[str, str], code: Path, memory_mb: int | None
) -> Iterator[dict[tuple[str, str], Subject]]:
    """By route and name, what is asked."""
    with ExitStack() as stack:
        service = stack.enter_context(Service("service:app", PEERS, variables, memory_mb))
        subjects: dict[tuple[str, str], Subject] = {}
        for route, name in ROUTES.items():
            path = f"/api/v1{route}"
            for subject, handler, folder in (
                (OURS, f"{name}.list.handler", code),
                (FLOOR, f"floor.{name}", PEERS),
                (FLOOR_JSON, f"floor.{name}_json", PEERS),
            ):
                environment = Environment(
                    handler,
                    variables={**variables, "POWERTOOLS_SERVICE_NAME": f"{name}.list"},
                    layers=("quant", "api"),
                    code=folder,
                    memory_mb=memory_mb,
                )
                subjects[route, subject] = Function(stack.enter_context(environment), path)
            subjects[route, CACHED] = subjects[route, OURS]
            subjects[route, SERVICE] = service.at(f"{path}?limit={LIMIT}")
        yield subjects


def _measure(
    subjects: Mapping[tuple[str, str], Subject],
    servers: Stores,
    memory_mb: int | None,
    taken: dict[Place, Taken],
) -> None:
    client = connect(servers.valkey)
    for route in ROUTES:
        _compare({name: subjects[route, name] for name in SUBJECTS}, client)
    rounds = ROUNDS if memory_mb is None else FEWER_ROUNDS
    for number in range(rounds + 1):
        for place, subject in subjects.items():
            seconds, cpu = _round(
                subject, client, cached=place[1] == CACHED, empty=place[1] == OURS
            )
            if number:  # the first one warms up
                measured = taken[place[0], memory_mb, place[1]]
                measured.rounds.append(seconds)
                measured.cpu += cpu
    client.close()


def _compare(subjects: Mapping[str, Subject], client: valkey.Valkey) -> None:
    """Make sure that all give the same answer.

    Raises:
        AssertionError: They do not.
    """
    client.flushdb()
    answers = {name: json.loads(subject.ask()[1]) for name, subject in subjects.items()}
    for name, answer in answers.items():
        if answer != answers[FLOOR] or answer["page"]["count"] != LIMIT:
            msg = f"{name} answers differently: {str(answer)[:500]}"
            raise AssertionError(msg)


def _round(
    subject: Subject, client: valkey.Valkey, *, cached: bool, empty: bool
) -> tuple[list[float], float]:
    """Seconds of each request, and of the processor."""
    if cached:
        subject.ask()
    seconds = []
    before, hits = cpu_seconds(subject.process), _hits(subject)
    for _ in range(REQUESTS):
        if empty:
            client.flushdb()
        seconds.append(subject.ask()[0])
    cpu = cpu_seconds(subject.process) - before
    if (found := _hits(subject) - hits) != (REQUESTS if cached else 0):
        msg = f"the cache had {found} of {REQUESTS} answers"
        raise AssertionError(msg)
    return seconds, cpu


def _hits(subject: Subject) -> int:
    """How many answers the function says it had in the cache."""
    if isinstance(subject, Function):
        return subject.environment.output().count(f'"{catalogue.CACHE_HITS.name}":1')
    return 0


def _report(taken: Mapping[Place, Taken], version: str) -> Report:
    rows = []
    for route in ROUTES:
        for memory_mb in CPUS:
            floor = taken[route, memory_mb, FLOOR]
            service = taken[route, memory_mb, SERVICE]
            for subject in SUBJECTS:
                each = taken[route, memory_mb, subject]
                rows.append(
                    (
                        f"`{route}`",
                        "whole" if memory_mb is None else f"{memory_mb:,} MB",
                        subject,
                        str(each.medians),
                        short(percentile(each.requests, 99) * 1000),
                        str(each.means),
                        short(each.cpu_ms),
                        each.medians.ratio(floor.medians),
                        each.medians.ratio(service.medians),
                        each.means.ratio(floor.means),
                        f"{each.cpu_ms / floor.cpu_ms:.2f}",
                        f"{each.cpu_ms / service.cpu_ms:.2f}",
                    )
                )
    return Report(
        title="Warm requests",
        method=(
            f"One request after the other for the first {LIMIT} of {TRADES:,} synthetic trades, or "
            f"of {POLITICIANS} politicians, to a process that has answered before; all answers are "
            "compared, value for value, before anything is measured. None is compressed. The "
            "functions run in AWS's runtime client: from the first byte of the event to the last "
            f"of the answer. `{OURS}`: Valkey is emptied before each request; `{CACHED}`: it has "
            "the answer. Both are whole requests of the API: scope, limits, validation, entity "
            "tag, log line with metrics, of a new account each. "
            f"`{FLOOR}`: SQL written by hand and prepared once, rows by pg8000, made to JSON by "
            f"orjson, in the same client, and nothing else; `{FLOOR_JSON}`: the same where each "
            f"row is JSON when it comes. `{SERVICE}`: FastAPI, SQLAlchemy's async ORM with "
            "asyncpg, response models and a session for each request, one worker of uvicorn with "
            "uvloop and httptools, over a kept connection, without an access log. What is measured "
            "has one core for itself in turns; the servers and this program have the other. Then "
            "each has the share of a CPU of some memory at Lambda, in periods of 20 ms: a request "
            "that fits into what is left of one is not slowed, hence the mean beside the median. "
            f"{ROUNDS} rounds of {REQUESTS} requests by turns, {FEWER_ROUNDS} with a share; "
            "medians and means are of rounds. Ratios to the floor are to the first one. Times are "
            "in ms."
        ),
        columns=(
            "route",
            "CPU",
            "",
            "p50, ms",
            "p99",
            "mean",
            "of the processor",
            "p50 of the floor's",
            "of the service's",
            "mean of the floor's",
            "processor of the floor's",
            "of the service's",
        ),
        rows=tuple(rows),
        versions={
            "PostgreSQL": version,
            **package_versions(
                "fastapi",
                "sqlalchemy",
                "asyncpg",
                "uvicorn",
                "uvloop",
                "pg8000",
                "orjson",
                "mangum",
                "valkey",
            ),
        },
        measurements={
            f"{route}, {'whole' if memory_mb is None else memory_mb}, {subject}, ms": tuple(
                round(value, 4) for value in each.medians.values
            )
            for (route, memory_mb, subject), each in taken.items()
        },
        remarks=_remarks(taken),
    )


def _remarks(taken: Mapping[Place, Taken]) -> str:
    def of_route(route: str) -> str:
        ours, floor, rows_as_json, service = (
            taken[route, None, name] for name in (OURS, FLOOR, FLOOR_JSON, SERVICE)
        )
        return (
            f"`{route}` takes {ours.medians.ratio(floor.medians)} of the floor's time and "
            f"{ours.medians.ratio(service.medians)} of the service's, and "
            f"{ours.cpu_ms - rows_as_json.cpu_ms:.2g} ms more of a CPU"
        )

    return (
        "What Valkey has is answered before FastAPI is asked. Slower than the floor is a list that "
        "has to be read: "
        + "; ".join(map(of_route, ROUTES))
        + " than the floor whose rows are JSON, as ours are. That goes into the limiter's round "
        "trip to Valkey and into sending it the answer, validation, Mangum's way from event to "
        "ASGI and back through the middlewares, the entity tag and the log line. It is about "
        "the same for every list, so that it weighs more the shorter the rows: those of "
        "`/politicians` are a third as long as those of `/trades`."
    )
