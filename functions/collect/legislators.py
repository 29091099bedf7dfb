"""Fetch the congress-legislators files that changed; EventBridge Scheduler runs it."""

from typing import Any

from collect._run import logger, publish, require_settings, workplace
from quant.collectors.legislators import collect_legislators
from quant.collectors.run import Collector, collect
from quant.observability.invocation import observed

require_settings()


@observed(logger)
def handler(_event: dict[str, Any], context: Any) -> None:
    """Do one run, and publish its report.

    Raises:
        StoreUnavailableError: S3 or SQS cannot be reached.
    """
    place = workplace(context)
    publish(
        collect(Collector.LEGISLATORS, place.settings.legislators_url, collect_legislators, place)
    )
