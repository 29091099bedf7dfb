"""Environments as Lambda has them: processes of AWS's runtime client, each with one connection."""

import json
import sysconfig
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from supervisor.database import APP_ROLE
from tests.bench.environment import INTERPRETER, PROJECT, Environment
from tests.bench.stores import stores_of
from tests.integration.conftest import rest_api_event

ENVIRONMENTS = 4
# The source and what is installed here: no layer needs to be built.
PACKAGES = (PROJECT / "layers/quant/python", Path(sysconfig.get_path("purelib")))


@pytest.fixture
def connections(database) -> Callable[[], int]:
    """Says how many connections functions have to the database."""
    engine = create_engine(database.superuser_url, poolclass=NullPool)

    def count() -> int:
        with engine.connect() as connection:
            return connection.scalar(
                text(
                    "select count(*) from pg_stat_activity"
                    " where datname = current_database() and usename = :role"
                ),
                {"role": APP_ROLE},
            )

    return count


@pytest.fixture
def environments(database, valkey, disclosures) -> Iterator[list[Environment]]:
    if not INTERPRETER.exists():
        pytest.skip("Lambda's Python is made by `python localstack/supervisor install`")
    with (
        stores_of(database.server, valkey, database.passwords) as stored,
        ExitStack() as stack,
    ):
        variables = stored.variables(database)
        made = [
            Environment("trades.list.handler", variables=variables, packages=PACKAGES)
            for _ in range(ENVIRONMENTS)
        ]
        yield [stack.enter_context(environment) for environment in made]


def test_each_holds_one_connection_and_gives_it_back(environments, connections):
    # Each different, so that no answer in the cache spares an environment the connection.
    events = [
        json.dumps(rest_api_event("/api/v1/trades", {"limit": 1 + number})).encode()
        for number in range(3 * ENVIRONMENTS)
    ]
    before = connections()
    with ThreadPoolExecutor(ENVIRONMENTS) as pool:
        for start in range(0, len(events), ENVIRONMENTS):
            answers = pool.map(Environment.invoke, environments, events[start:])
            assert [answer.document["statusCode"] for answer in answers] == [200] * ENVIRONMENTS
            assert connections() - before == ENVIRONMENTS
    for environment in environments:
        environment.close()
    deadline = time.monotonic() + 10
    while connections() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert connections() == before
