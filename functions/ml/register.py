"""The task that tells the tracking server of a version; it has no database."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.ml.objects import MlBucket
from quant.ml.pipeline.register import register
from quant.ml.tracking import Tracking
from quant.observability.invocation import observed
from quant.settings import MlSettings, TrackingSettings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
MlSettings()
TrackingSettings()


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Register the version of a model that a run made, unless that is done.

    Args:
        event: ``run`` and ``model``.

    Returns:
        ``run``, ``model``, ``version`` and ``tracking_run`` of the server.

    Raises:
        StoreUnavailableError: S3 or the server cannot be reached.
    """
    run, model = event["run"], event["model"]
    found = register(MlBucket.from_environment(), Tracking.from_environment(), run, model)
    logger.info("registered", run=run, model=model, version=found.version)
    return {
        "run": run,
        "model": model,
        "version": found.version,
        "tracking_run": found.tracking_run,
    }
