"""A task for each item of a run's plan; it has no database."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.ml.objects import MlBucket
from quant.ml.pipeline.fit import fit
from quant.observability.invocation import observed
from quant.settings import MlSettings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
MlSettings()
# Kept, so that a process reads the features once for all its items.
_objects: list[MlBucket] = []


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Fit one configuration of a model on one fold, unless that is done.

    Args:
        event: The item: ``run``, ``model``, ``fold``, ``config``.

    Returns:
        The item, and whether it was ``fitted`` now.

    Raises:
        StoreUnavailableError: S3 cannot be reached.
    """
    if not _objects:
        _objects.append(MlBucket.from_environment())
    fitted = fit(_objects[0], event)
    logger.info("fit", fitted=fitted, **event)
    return {**event, "fitted": fitted}
