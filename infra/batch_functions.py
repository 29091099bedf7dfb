"""What the functions need that compute answers ahead, and that make exports which take long."""

from typing import Final

from infra.functions import (
    EVENT_CLASS,
    EXPORTED,
    SINGLE_CLASS,
    FunctionNeeds,
    ObjectAccess,
    QueueSource,
    Schedule,
)
from quant.pipeline.queues import Queue
from quant_http.routes import Capability, Store

PRECOMPUTE: Final = "analytics.precompute"
RUN_EXPORT: Final = "export.run"

# As long as Lambda allows, and the most memory, hence processors, that a new account is given.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_TIMEOUT_S: Final = 900
_MEMORY_MB: Final = 3008

BATCH_FUNCTIONS: Final[dict[str, FunctionNeeds]] = {
    needs.name: needs
    for needs in (
        FunctionNeeds(
            name=PRECOMPUTE,
            layers=("quant", "api", "analytics"),
            stores=frozenset({Store.POSTGRES}),
            # Ends at once while the data is what it was the last time.
            schedule=Schedule(expression="rate(15 minutes)", housekeeping=True),
            concurrency=SINGLE_CLASS,
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
        ),
        FunctionNeeds(
            name=RUN_EXPORT,
            layers=("quant", "api", "analytics", "export"),
            stores=frozenset({Store.POSTGRES}),
            capabilities=frozenset({Capability.EXPORTS}),
            exports=ObjectAccess(reads=EXPORTED, writes=EXPORTED),
            # Each takes minutes. A poller that met a busy function would leave its message alone
            # for as long as the queue hides it, hence no fewer at a time than the poller takes.
            source=QueueSource(queue=Queue.EXPORTS, batch_size=1, receives=3),
            concurrency=EVENT_CLASS,
            memory_mb=_MEMORY_MB,
            timeout_s=_TIMEOUT_S,
            storage_mb=4096,
        ),
    )
}
