"""What the pipeline's functions need: collectors, parser, housekeeping, alerts.

A function either calls hosts on the internet or reaches the database, never both (docs/adr/0016);
queues and the bucket of raw documents are between them.
"""

from typing import Final

from infra.functions import (
    EVENT_CLASS,
    PARSE_CLASS,
    SINGLE_CLASS,
    FunctionNeeds,
    ObjectAccess,
    QueueSource,
    Schedule,
)
from quant.alerts.retries import MAX_ATTEMPTS
from quant.pipeline.queues import Queue
from quant_http.routes import Capability, Secret, Store

PARSE: Final = "pipeline.parse"
RELAY: Final = "pipeline.relay_outbox"
MEASURE: Final = "pipeline.measure"

_POSTGRES: Final = frozenset({Store.POSTGRES})
_SYMBOLS: Final = "state/symbols.json"


def _collector(
    module: str,
    *,
    documents: tuple[str, ...],
    states: tuple[str, ...],
    schedule: Schedule,
    knows: tuple[str, ...] = (),
    secrets: frozenset[Secret] = frozenset(),
) -> FunctionNeeds:
    """Describe a collector.

    Args:
        module: Name of its module.
        documents: Kinds of raw documents it stores.
        states: Patterns of the names of what it remembers.
        schedule: When it runs.
        knows: Further keys it reads.
        secrets: Secrets it may read.
    """
    # A document that is there already is looked at before it is stored again.
    stored = tuple(f"raw/{kind}/*" for kind in documents)
    remembered = tuple(f"state/{state}.json" for state in states)
    return FunctionNeeds(
        name=f"collect.{module}",
        layers=("quant", "api", "pipeline"),
        secrets=secrets,
        sends_to=frozenset({Queue.REPORTS}),
        objects=ObjectAccess(reads=(*stored, *remembered, *knows), writes=(*stored, *remembered)),
        egress=True,
        collects=True,
        schedule=schedule,
        # Two runs at a time would ask twice as fast, and forget what the other one learned.
        concurrency=SINGLE_CLASS,
        memory_mb=512,
        timeout_s=300,
    )


_FILINGS: Final = ("raw/house-ptr/*", "raw/senate-ptr/*", "raw/senate-paper/*")
_FETCH_STATES: Final = (
    "state/pause-house.json",
    "state/pause-senate.json",
    "state/senate-terms.json",
)

_FUNCTIONS: Final = (
    _collector(
        "house",
        documents=("house-index",),
        states=("house", "pause-house"),
        schedule=Schedule(expression="rate(1 hour)"),
    ),
    _collector(
        "senate",
        documents=("senate-index",),
        states=("senate", "senate-terms", "pause-senate"),
        schedule=Schedule(expression="rate(1 hour)"),
    ),
    _collector(
        "legislators",
        documents=(
            "legislators",
            "legislators-historical",
            "committees",
            "committee-membership",
        ),
        states=("legislators", "pause-legislators"),
        schedule=Schedule(expression="cron(30 5 * * ? *)"),
    ),
    _collector(
        "prices",
        documents=("prices",),
        states=("prices", "pause-prices"),
        knows=(_SYMBOLS,),
        # After the exchanges have closed and the providers have counted.
        schedule=Schedule(expression="cron(0 20 ? * MON-FRI *)", timezone="America/New_York"),
        secrets=frozenset({Secret.PRICES}),
    ),
    FunctionNeeds(
        name="collect.fetch",
        layers=("quant", "api", "pipeline"),
        sends_to=frozenset({Queue.REPORTS}),
        objects=ObjectAccess(reads=(*_FILINGS, *_FETCH_STATES), writes=(*_FILINGS, *_FETCH_STATES)),
        egress=True,
        collects=True,
        # A message counts as received, too, when it finds the one environment busy.
        source=QueueSource(queue=Queue.FETCH, batch_size=10, receives=20, defers=True),
        concurrency=SINGLE_CLASS,
        memory_mb=512,
        timeout_s=120,
    ),
    FunctionNeeds(
        name=PARSE,
        layers=("quant", "api", "pipeline"),
        stores=_POSTGRES,
        objects=ObjectAccess(reads=("raw/*", "drop/prices/*"), writes=("raw/prices/*",)),
        source=QueueSource(queue=Queue.PARSE, batch_size=10, receives=5),
        concurrency=PARSE_CLASS,
        # PDFs are read in a process of its own, which may use 1 GiB of addresses.
        memory_mb=1536,
        timeout_s=180,
    ),
    FunctionNeeds(
        name=RELAY,
        layers=("quant", "api"),
        stores=_POSTGRES,
        sends_to=frozenset({Queue.FETCH}),
        publishes=True,
        schedule=Schedule(expression="rate(1 minute)", housekeeping=True),
        concurrency=SINGLE_CLASS,
        memory_mb=512,
        timeout_s=50,
    ),
    FunctionNeeds(
        name="pipeline.record_reports",
        layers=("quant", "api"),
        stores=_POSTGRES,
        source=QueueSource(queue=Queue.REPORTS, batch_size=10, receives=5),
        concurrency=EVENT_CLASS,
        memory_mb=512,
        timeout_s=30,
    ),
    FunctionNeeds(
        name=MEASURE,
        layers=("quant", "api"),
        stores=_POSTGRES,
        objects=ObjectAccess(writes=(_SYMBOLS,)),
        schedule=Schedule(expression="rate(5 minutes)", housekeeping=True),
        concurrency=SINGLE_CLASS,
        memory_mb=512,
        timeout_s=60,
    ),
    FunctionNeeds(
        name="alerts.match",
        layers=("quant", "api"),
        stores=_POSTGRES,
        sends_to=frozenset({Queue.DELIVERIES}),
        source=QueueSource(queue=Queue.ALERTS, batch_size=10, receives=5),
        concurrency=EVENT_CLASS,
        memory_mb=512,
        timeout_s=30,
    ),
    FunctionNeeds(
        name="alerts.deliver",
        layers=("quant", "api", "pipeline"),
        secrets=frozenset({Secret.WEBHOOK}),
        sends_to=frozenset({Queue.REPORTS}),
        egress=True,
        source=QueueSource(
            queue=Queue.DELIVERIES, batch_size=5, receives=MAX_ATTEMPTS, defers=True
        ),
        memory_mb=512,
        timeout_s=60,
    ),
    FunctionNeeds(
        name="alerts.digest",
        layers=("quant", "api"),
        stores=_POSTGRES,
        # Signs the links by which a reader unsubscribes.
        secrets=frozenset({Secret.WEBHOOK}),
        capabilities=frozenset({Capability.SEND_EMAIL}),
        schedule=Schedule(expression="cron(0 8 * * ? *)", timezone="America/New_York"),
        concurrency=SINGLE_CLASS,
        memory_mb=512,
        timeout_s=300,
    ),
)

PIPELINE_FUNCTIONS: Final[dict[str, FunctionNeeds]] = {needs.name: needs for needs in _FUNCTIONS}
