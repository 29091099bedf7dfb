"""Every function of the system, whichever stack it is in."""

from typing import Final

from infra.batch_functions import BATCH_FUNCTIONS
from infra.functions import API_FUNCTIONS, AREA_FUNCTIONS, Area, FunctionNeeds
from infra.ml_functions import ML_FUNCTIONS
from infra.pipeline_functions import PIPELINE_FUNCTIONS
from infra.schema_functions import SCHEMA_FUNCTIONS
from quant.pipeline.queues import Queue

FUNCTIONS: Final[dict[str, FunctionNeeds]] = {
    **AREA_FUNCTIONS[Area.DISCLOSURES],
    **AREA_FUNCTIONS[Area.ACCOUNTS],
    **AREA_FUNCTIONS[Area.ANALYTICS],
    **BATCH_FUNCTIONS,
    **API_FUNCTIONS,
    **PIPELINE_FUNCTIONS,
    **ML_FUNCTIONS,
    **SCHEMA_FUNCTIONS,
}


def consumer_of(queue: Queue) -> FunctionNeeds:
    """Return the function that a queue feeds."""
    [consumer] = [
        needs
        for needs in FUNCTIONS.values()
        if needs.source is not None and needs.source.queue is queue
    ]
    return consumer
