"""Fetch the House Clerk's filing indexes that changed; EventBridge Scheduler runs it."""

from typing import Any

from pydantic import BaseModel

from collect._run import logger, publish, require_settings, workplace
from quant.collectors.house import collect_indexes
from quant.collectors.run import Collector, collect
from quant.observability.invocation import observed

require_settings()


class Request(BaseModel):
    """What the event may say.

    Attributes:
        years: Whose indexes; by default this year's and the last's.
    """

    years: tuple[int, ...] = ()


@observed(logger)
def handler(event: dict[str, Any], context: Any) -> None:
    """Do one run, and publish its report.

    Raises:
        StoreUnavailableError: S3 or SQS cannot be reached.
    """
    years = Request.model_validate(event).years
    place = workplace(context)
    publish(
        collect(
            Collector.HOUSE,
            place.settings.house_url,
            lambda run: collect_indexes(run, years),
            place,
        )
    )
