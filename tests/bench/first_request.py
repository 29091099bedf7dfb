"""What the first request to a function waits for, with and without a snapshot."""

import json
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import valkey
from authorizer_support import AUDIENCE, ISSUER, METHOD_ARN
from bulk_support import fill_trades
from environment import Environment
from infra.all_functions import FUNCTIONS
from infra.functions import AUTHORIZER
from limit_support import connect
from packaged import PEERS, handlers
from report import Report, Sample, package_versions, sample
from sqlalchemy import create_engine
from stores import new_database, stores
from supervisor.database import APP_ROLE
from tests.integration.conftest import rest_api_event

from quant.tiers import TIERS
from quant.tokens import SigningKey, mint

ROUNDS = 9
TRADES, POLITICIANS, TICKERS = 50_000, 300, 200
FLOOR = "floor.trades"
ON_DEMAND, SNAPSHOT = "on demand", "SnapStart"
UNCACHED, CACHED = "not cached", "cached"
READS: dict[str, tuple[str, dict[str, object]]] = {
    "trades.list": ("/api/v1/trades", {"limit": 50}),
    "politicians.list": ("/api/v1/politicians", {"limit": 50}),
    "stats.leaderboard": ("/api/v1/stats/leaderboard", {"by": "volume"}),
}


@dataclass(frozen=True)
class Case:
    """How a function is started and asked.

    Attributes:
        name: Of the function.
        start: With or without a snapshot.
        memory_mb: Memory whose share of a CPU it has after its start; ``None`` for a whole one.
        state: Whether Valkey has what it looks for.
    """

    name: str
    start: str
    memory_mb: int | None
    state: str


@dataclass(frozen=True)
class Taken:
    """Milliseconds of a start or a restore, of the first request and of the second."""

    start: float
    first: float
    second: float


def run() -> Report:
    key = SigningKey.generate()
    taken: dict[Case, list[Taken]] = defaultdict(list)
    with stores() as servers, handlers() as code:
        database = new_database(servers.postgres, "bench_first", servers.passwords)
        engine = create_engine(servers.postgres.url(database.name))
        fill_trades(engine, TRADES, politicians=POLITICIANS, tickers=TICKERS)
        engine.dispose()
        servers.secrets["jwks"] = json.dumps({"keys": [key.public_jwk()]})
        servers.secrets.update({f"key of {tier}": f"key of {tier}" for tier in TIERS})
        variables = {
            **servers.variables(database),
            "QUANT_TOKEN_ISSUER": ISSUER,
            "QUANT_TOKEN_AUDIENCE": AUDIENCE,
            "QUANT_TOKEN_JWKS_SECRET_ARN": "jwks",
            "QUANT_API_KEY_SECRET_ARNS": json.dumps({tier: f"key of {tier}" for tier in TIERS}),
            "BENCH_USER": APP_ROLE,
            "BENCH_PASSWORD": servers.passwords[APP_ROLE],
        }
        client = connect(servers.valkey)
        for number in range(ROUNDS + 1):
            for case in _cases():
                measured = _measure(case, variables, code, client, key)
                if number:  # the first one has files read from the disk
                    taken[case].append(measured)
        client.close()
    return _report(taken)


def _cases() -> list[Case]:
    cases = [Case(FLOOR, ON_DEMAND, memory_mb, UNCACHED) for memory_mb in (None, 512)]
    for name in (AUTHORIZER, *READS):
        cases += [
            Case(name, start, memory_mb, state)
            for start in (ON_DEMAND, SNAPSHOT)
            for memory_mb in (None, FUNCTIONS[name].memory_mb)
            for state in (UNCACHED, CACHED)
        ]
    return cases


def _measure(
    case: Case, variables: Mapping[str, str], code: Path, client: valkey.Valkey, key: SigningKey
) -> Taken:
    of_floor = case.name == FLOOR
    if case.state == UNCACHED:
        client.flushdb()
    with Environment(
        case.name if of_floor else f"{case.name}.handler",
        variables={**variables, "POWERTOOLS_SERVICE_NAME": case.name},
        layers=("quant", "api") if of_floor else FUNCTIONS[case.name].layers,
        code=PEERS if of_floor else code,
        memory_mb=case.memory_mb,
        snap_start=case.start == SNAPSHOT,
    ) as environment:
        start = environment.init_seconds if case.start == ON_DEMAND else environment.restore_seconds
        first, second = (_ask(environment, case.name, key) for _ in range(2))
    return Taken(start * 1000, first * 1000, second * 1000)


def _ask(environment: Environment, name: str, key: SigningKey) -> float:
    """Seconds until the function has admitted a token or answered a request."""
    answer = environment.invoke(json.dumps(_event(name, key)).encode())
    document = answer.document
    admitted = "policyDocument" in document and "usageIdentifierKey" in document
    if answer.is_error or not (admitted or document.get("statusCode") == 200):
        msg = f"{name}: {document}\n{environment.output()[-3000:]}"
        raise AssertionError(msg)
    return answer.seconds


def _event(name: str, key: SigningKey) -> dict[str, object]:
    if name != AUTHORIZER:
        return rest_api_event(*READS["trades.list" if name == FLOOR else name])
    token = mint(
        key,
        issuer=ISSUER,
        audience=AUDIENCE,
        subject=str(uuid.uuid4()),
        tier="basic",
        scopes=["read"],
        session_id=str(uuid.uuid4()),
        lifetime_s=600,
    )
    return {"methodArn": METHOD_ARN, "headers": {"Authorization": f"Bearer {token}"}}


def _report(taken: Mapping[Case, list[Taken]]) -> Report:
    floors = {
        case.memory_mb is None: _sum(each) for case, each in taken.items() if case.name == FLOOR
    }
    return Report(
        title="First requests",
        method=(
            "What a client waits for who meets a new environment: INIT with all of a CPU, or "
            "restoring a snapshot, then the first request, with all of a CPU or with the share "
            "that the function's memory has. The functions read secrets from a local stand-in of "
            "Secrets Manager by boto3, and connect to Postgres and Valkey on the same machine, "
            "without TLS. Not cached: Valkey is empty, so that a list is read from Postgres and "
            "what was put off at the start is loaded; cached: it has the answer, or for the "
            "authorizer the index of revoked sessions. Restoring here is what our hooks do and "
            "the runtime client's way to its first event; AWS loads the snapshot's memory "
            f"besides. `{FLOOR}` is the floor of warm requests, with its connection opened at "
            f"INIT and no secret to read. {TRADES:,} synthetic trades; {ROUNDS} rounds by turns. "
            "Times in ms; ratios are of the sums of start and first request to the floor's."
        ),
        columns=(
            "function",
            "start",
            "CPU",
            "Valkey",
            "INIT or restore",
            "first request",
            "second",
            "start and first",
            "of the floor's",
        ),
        rows=tuple(
            (
                f"`{case.name}`",
                case.start,
                "whole" if case.memory_mb is None else f"{case.memory_mb:,} MB",
                case.state,
                str(sample([one.start for one in each])),
                str(sample([one.first for one in each])),
                str(sample([one.second for one in each])),
                str(_sum(each)),
                _sum(each).ratio(floors[case.memory_mb is None]),
            )
            for case, each in taken.items()
        ),
        versions=package_versions("boto3", "pg8000", "valkey"),
        measurements={
            f"{case.name}, {case.start}, {case.memory_mb or 'whole'}, {case.state}": (
                _sum(each).values
            )
            for case, each in taken.items()
        },
        remarks=(
            "Without a snapshot, the first request to us takes much longer than the floor's, since "
            "it reads secrets: that imports boto3, makes a client, and asks once for each store, "
            "where the floor finds its password in a variable. A list that Valkey has needs one "
            "secret and one connection, another two of each, and what was put off: for lists "
            "pg8000, for reports SQLAlchemy. With a snapshot all of that is in it but credentials "
            "and connections, which no environment may inherit."
        ),
    )


def _sum(taken: list[Taken]) -> Sample:
    return sample([one.start + one.first for one in taken])
