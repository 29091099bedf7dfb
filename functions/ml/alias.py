"""The task that points the tracking server's alias to the champion; it has no database."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.ml.tracking import Tracking
from quant.observability.invocation import observed
from quant.settings import TrackingSettings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
TrackingSettings()


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Point the alias ``champion`` to what requests are answered with.

    Args:
        event: What the task of publication returned.

    Returns:
        The event.

    Raises:
        StoreUnavailableError: The server cannot be reached.
    """
    champion = event["champion"]
    if champion is not None:
        Tracking.from_environment().point(**champion)
        logger.info("alias set", **champion)
    return event
