"""Fetch what is new in the Senate eFD's search; EventBridge Scheduler runs it."""

from datetime import date
from typing import Any

from pydantic import BaseModel

from collect._run import logger, publish, require_settings, workplace
from quant.collectors.run import Collector, collect
from quant.collectors.senate import collect_search
from quant.observability.invocation import observed

require_settings()


class Request(BaseModel):
    """What the event may say.

    Attributes:
        since: Search anew from this day on; by default a run goes on where the last one stopped.
    """

    since: date | None = None


@observed(logger)
def handler(event: dict[str, Any], context: Any) -> None:
    """Do one run, and publish its report.

    Raises:
        StoreUnavailableError: S3 or SQS cannot be reached.
    """
    since = Request.model_validate(event).since
    place = workplace(context)
    publish(
        collect(
            Collector.SENATE,
            place.settings.senate_url,
            lambda run: collect_search(run, since),
            place,
        )
    )
