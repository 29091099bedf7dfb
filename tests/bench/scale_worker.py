"""A process that asks one database for lists and statistics, as a function's process does."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Any
from unittest.mock import patch

from sqlalchemy import create_engine

LIMIT = 50
BLOCKS = "blocks of /trades"
FORGET = "forget the statements of /trades"


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        name: of ``ANSWERS``.
        parameters: of the answer's filters; with ``sort`` and ``cursor`` where it has them.
    """

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Taken:
    """How long answers took.

    Attributes:
        seconds: of each.
        rows: in the answer, or the number that is the answer.
        cursor: of the next page.
    """

    seconds: tuple[float, ...]
    rows: int
    cursor: str | None


class Worker:
    """Asks a database in a process of its own.

    Args:
        variables: the environment variables of a function.
        url: SQLAlchemy URL of the database.
    """

    def __init__(self, variables: Mapping[str, str], url: str) -> None:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(other, dict(variables), url), daemon=True
        )
        self._process.start()

    def ask(self, question: Question, times: int) -> Taken:
        self._pipe.send((question, times))
        taken: Taken | BaseException = self._pipe.recv()
        if isinstance(taken, BaseException):
            raise taken
        return taken

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _serve(pipe: Pipe, variables: Mapping[str, str], url: str) -> None:
    os.environ.update(variables)
    # Without the time-outs of functions: statistics of ten million trades take longer.
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        answers = _answers(connection)
        while (asked := pipe.recv()) is not None:
            question, times = asked
            try:
                pipe.send(_taken(answers[question.name], question.parameters, times))
            except Exception as error:  # noqa: BLE001 - the other process raises it
                pipe.send(RuntimeError(f"{question}: {error!r}"))


def _taken(answer: Callable[..., Any], parameters: Mapping[str, Any], times: int) -> Taken:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        found = answer(**parameters)
        seconds.append(time.perf_counter() - started)
    if isinstance(found, int):
        return Taken(tuple(seconds), found, None)
    rows = found.rows if hasattr(found, "rows") else found.get("data", ())
    return Taken(tuple(seconds), len(rows), getattr(found, "next_cursor", None))


def _answers(connection: Any) -> dict[str, Callable[..., Any]]:
    from quant import politicians, tickers, trades
    from quant.db import prepared
    from quant.stats import leaderboard, overview
    from quant.stats.selection import Ranking, Selection
    from quant.ticker_filters import TickerFilters

    def list_trades(cursor: str | None = None, **filters: Any) -> Any:
        return trades.list_trades(trades.TradeFilters(**filters), limit=LIMIT, cursor=cursor)

    def blocks(**filters: Any) -> int:
        """How many blocks of tables and indexes Postgres looks at for a page."""
        asked = prepared.rows
        with patch.object(prepared, "rows", wraps=asked) as rows:
            list_trades(**filters)
        statement, values = rows.call_args.args
        [[found]] = asked(
            f"explain (analyze, buffers, timing off, format json) {statement}", values
        )
        plan = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    def list_politicians(**filters: Any) -> Any:
        return politicians.list_politicians(politicians.PoliticianFilters(**filters), limit=LIMIT)

    def list_tickers(**filters: Any) -> Any:
        return tickers.list_tickers(connection, TickerFilters(**filters), limit=LIMIT)

    return {
        "/trades": list_trades,
        BLOCKS: blocks,
        # A function keeps so many statements; each list is asked for as if it were among them.
        FORGET: lambda: prepared.close() or 0,
        "/politicians": list_politicians,
        "/tickers": list_tickers,
        "/stats/leaderboard": lambda: leaderboard.read(
            connection, Ranking.VOLUME, Selection(), limit=LIMIT
        ),
        "/stats/overview": lambda: overview.read(connection),
    }
