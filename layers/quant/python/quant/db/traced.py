"""Statements and connections of an engine as parts of a trace."""

from typing import Any, Final

from sqlalchemy import Engine, event

from quant.db import pipelined
from quant.observability import tracing

_SUBSEGMENT: Final = "quant_subsegment"


def traced(engine: Engine) -> Engine:
    """Return an engine that records its statements and connections."""
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)
    return engine


def _connect(_dialect: Any, _record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
    with tracing.remote("postgres connect"):
        return pipelined.Connection(*arguments, **parameters)


def _begin(
    _connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool
) -> None:
    setattr(context, _SUBSEGMENT, tracing.statement(statement).begin())


def _end(
    _connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
) -> None:
    getattr(context, _SUBSEGMENT).end()


def _fail(failure: Any) -> None:
    subsegment = getattr(failure.execution_context, _SUBSEGMENT, tracing.UNSAMPLED)
    subsegment.end(failure.original_exception)
