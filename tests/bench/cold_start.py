"""What the start of each function takes, beside a bare one, PyJWT and the naive set of imports."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from environment import Environment
from infra.all_functions import FUNCTIONS
from infra.functions import AUTHORIZER
from packaged import PEERS, handlers, layer_of
from report import Report, package_versions, sample
from stores import new_database, stores

ROUNDS = 15
# Every function is started in each of this many rounds, in the others those that are compared most.
ROUNDS_OF_ALL = 5
PACKAGES = ("boto3", "fastapi", "mangum", "msgspec", "pydantic", "pyjwt", "redis", "sqlalchemy")
# Packages that the remarks name.
SHOWN = 8
NOTHING, PYJWT, NAIVE = "nothing", "PyJWT", "naive"
MOST = (
    AUTHORIZER,
    "trades.list",
    "politicians.list",
    "trades.detail",
    "health.live",
    "auth.login",
    "stats.leaderboard",
    "analytics.performance",
)


@dataclass(frozen=True)
class Start:
    """What a start took, ms: in all, and of a CPU."""

    whole: float
    cpu: float


@dataclass(frozen=True)
class Subject:
    """What is started.

    Attributes:
        module: Of its handler.
        layers: Its layers.
        code: Where the module is.
        packages: Further folders to import from.
    """

    module: str
    layers: tuple[str, ...]
    code: Path
    packages: tuple[Path, ...] = ()

    def environment(
        self,
        variables: Mapping[str, str],
        *,
        shared_mb: int | None = None,
        under: Sequence[str] = (),
    ) -> Environment:
        """An environment, with the share of a CPU that memory has from its start on."""
        return Environment(
            f"{self.module}.handler",
            variables={**variables, "POWERTOOLS_SERVICE_NAME": self.module},
            layers=self.layers,
            code=self.code,
            packages=self.packages,
            memory_mb=shared_mb,
            shared_init=True,
            under=under,
        )

    def modules(self, variables: Mapping[str, str]) -> int:
        """How many modules are loaded when it has started."""
        with Environment(
            "imports.handler",
            variables={**variables, "BENCH_MODULE": self.module},
            layers=self.layers,
            code=self.code,
            packages=(*self.packages, PEERS),
        ) as environment:
            return int(environment.invoke(b"{}").document)


def run() -> Report:
    with stores() as servers:
        variables = servers.variables(
            new_database(servers.postgres, "bench_start", servers.passwords)
        )
        with subjects() as started:
            taken = _measure(started, variables)
            modules = {name: subject.modules(variables) for name, subject in started.items()}
            imports = {
                name: _imports(started[name], variables) for name in (AUTHORIZER, "trades.list")
            }
    return _report(taken, modules, imports)


@contextmanager
def subjects() -> Iterator[dict[str, Subject]]:
    """By name, the peers and every function."""
    with handlers() as code, layer_of("redis") as further:
        yield {
            NOTHING: Subject("nothing", (), PEERS),
            PYJWT: Subject("pyjwt_only", ("auth",), PEERS),
            NAIVE: Subject("naive", ("api", "auth"), PEERS, (further,)),
            **{name: Subject(name, FUNCTIONS[name].layers, code) for name in MOST},
            **{
                needs.name: Subject(needs.name, needs.layers, code)
                for needs in sorted(FUNCTIONS.values(), key=lambda each: each.name)
                if needs.name not in MOST
            },
        }


def _measure(
    started: Mapping[str, Subject], variables: Mapping[str, str]
) -> dict[str, dict[int, Start]]:
    """By subject and round."""
    taken: dict[str, dict[int, Start]] = defaultdict(dict)
    for number in range(ROUNDS + 1):
        everything = number % (ROUNDS // ROUNDS_OF_ALL) == 0
        for name, subject in started.items():
            if everything or name in (NOTHING, PYJWT, NAIVE, *MOST):
                with subject.environment(variables) as environment:
                    start = Start(
                        environment.init_seconds * 1000, environment.init_cpu_seconds * 1000
                    )
                if number:  # the first one has files read from the disk
                    taken[name][number] = start
    return taken


def _imports(subject: Subject, variables: Mapping[str, str]) -> dict[str, float]:
    """The share of each package in the time that imports take, without what it imports itself."""
    with subject.environment({**variables, "PYTHONPROFILEIMPORTTIME": "1"}) as environment:
        lines = re.findall(r"import time: +(\d+) \| +\d+ \| +(\w+)", environment.output())
    taken: dict[str, int] = defaultdict(int)
    for microseconds, package in lines:
        taken[package] += int(microseconds)
    return {package: each / sum(taken.values()) for package, each in taken.items()}


def _largest(shares: Mapping[str, float]) -> str:
    first = sorted(shares, key=lambda package: -shares[package])[:SHOWN]
    return ", ".join(f"{package} {shares[package]:.0%}" for package in first)


def _report(
    taken: Mapping[str, Mapping[int, Start]],
    modules: Mapping[str, int],
    imports: Mapping[str, Mapping[str, float]],
) -> Report:
    def ratio(name: str, peer: str, kind: str = "cpu") -> float:
        """Of two medians of the rounds in which both were started."""
        ours, theirs = (
            median(getattr(taken[each][number], kind) for number in taken[name])
            for each in (name, peer)
        )
        return ours / theirs

    of_api = [name for name, needs in FUNCTIONS.items() if needs.serves_route]
    slowest = max(of_api, key=lambda name: ratio(name, NAIVE))
    return Report(
        title="Cold starts",
        method=(
            "INIT: from the start of the process until AWS's runtime client asks for the first "
            "event. Python 3.13 with AWS's runtime client and boto3, layers as they are built for "
            "deployment and handlers as they are deployed, both with bytecode, files in the page "
            "cache, and all of a CPU, which Lambda gives a start on demand as well, whatever the "
            "memory, without promising it (what a start takes with less has a section of its own). "
            "Not in it: fetching code and starting the sandbox, which are AWS's. "
            f"`{NOTHING}` imports nothing. `{PYJWT}` imports what verifies a token by an EdDSA key "
            "of a JWK set. `"
            f"{NAIVE}` imports FastAPI, Mangum, Powertools' logger and metrics, SQLAlchemy with an "
            "engine for pg8000, redis, PyJWT and boto3, with a client of Secrets Manager made. "
            f"{ROUNDS} rounds by turns, of the functions that are not compared most "
            f"{ROUNDS_OF_ALL}; ratios are of medians of the same rounds. Where other programs take "
            "a part of the machine, what a start has of a CPU says more than how long it takes. "
            "Modules are those loaded when INIT ends. Of the functions of routes the one that "
            f"takes most of a CPU, `{slowest}`, takes {ratio(slowest, NAIVE):.2f} of the naive "
            f"set's, the authorizer {ratio(AUTHORIZER, PYJWT):.2f} of PyJWT's. Times in ms."
        ),
        columns=(
            "function",
            "INIT",
            "of nothing's",
            "of PyJWT's",
            "of the naive",
            "of a CPU",
            "of nothing's",
            "of PyJWT's",
            "of the naive",
            "modules",
        ),
        rows=tuple(
            (
                f"`{name}`",
                *(
                    cell
                    for kind in ("whole", "cpu")
                    for cell in (
                        str(sample([getattr(start, kind) for start in starts.values()])),
                        *(f"{ratio(name, peer, kind):.2f}" for peer in (NOTHING, PYJWT, NAIVE)),
                    )
                ),
                str(modules[name]),
            )
            for name, starts in taken.items()
        ),
        versions=package_versions(*PACKAGES),
        measurements={
            f"{name}, {kind}, ms": tuple(
                round(getattr(start, kind), 2) for start in starts.values()
            )
            for name, starts in taken.items()
            for kind in ("whole", "cpu")
        },
        remarks=(
            "What keeps starts above the bare one is what every request needs. Of the time of "
            "imports, each package without what it imports itself, `trades.list` spends: "
            f"{_largest(imports['trades.list'])}. The authorizer: {_largest(imports[AUTHORIZER])}. "
            "FastAPI and Pydantic take the most: routes are declared by them, and to leave them "
            "means to give up validation and documentation from one source. cryptography is what "
            "checks signatures, in PyJWT's row as well; beside that the authorizer needs a client "
            "of Valkey to know revoked sessions, and a logger. Functions that nobody waits for, "
            "of the pipeline and of models, are not held to a ratio; SnapStart takes "
            "imports out of a start altogether (First requests)."
        ),
    )
