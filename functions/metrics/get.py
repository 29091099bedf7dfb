"""GET /metrics: counters of all functions and the state of the data, for Prometheus."""

from collections.abc import Iterator

from sqlalchemy import Connection
from starlette.responses import Response

from quant.db.schema import current_revision
from quant.db.session import read
from quant.errors import StoreUnavailableError
from quant.observability import counters, gauges
from quant.observability.exposition import CONTENT_TYPE, Family, render
from quant.pipeline.freshness import Freshness, read_freshness
from quant_http.app import RouteApp

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
        freshness, revision = state
        yield gauges.schema(revision)
        yield from gauges.pipeline(freshness)


def _state() -> tuple[Freshness, str | None] | None:
    def look(connection: Connection) -> tuple[Freshness, str | None]:
        return read_freshness(connection), current_revision(connection)

    try:
        return read(look)
    except StoreUnavailableError:
        return None


handler = app.handler
