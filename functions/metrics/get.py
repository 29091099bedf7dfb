"""GET /metrics: counters of all functions and the state of the data, for Prometheus."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.responses import Response

from quant.db import schema, session
from quant.errors import StoreUnavailableError
from quant.observability import counters, gauges
from quant.observability.exposition import CONTENT_TYPE, Family, render
from quant.pipeline import freshness
from quant_http.app import RouteApp

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = RouteApp("metrics.get")


@app.endpoint(summary="Get metrics", media_type="text/plain", tags=["admin"])
async def get() -> Response:
    """Prometheus' text format, version 0.0.4.

    Counters are those of all functions that reach Valkey, together. A function hands over what it
    counted at the end of a request, at most every ten seconds; what it counted after that is lost
    when it ends. They begin anew when Valkey is emptied, as any process's do when it restarts.
    Without a data store its metrics are missing, and `quant_store_up` says so.
    """
    return Response(
        render(_families()), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"}
    )


def _families() -> Iterator[Family]:
    counted = counters.read()
    state = _state()
    yield gauges.build()
    yield gauges.up({"postgres": state is not None, "valkey": counted is not None})
    yield from counters.families(counted or {})
    if state is not None:
        found, revision = state
        yield gauges.schema(revision)
        yield from gauges.pipeline(found)


def _state() -> "tuple[freshness.Freshness, str | None] | None":
    def look(connection: "Connection") -> "tuple[freshness.Freshness, str | None]":
        return freshness.read_freshness(connection), schema.current_revision(connection)

    try:
        return session.read(look)
    except StoreUnavailableError:
        return None


handler = app.handler
