"""The daily task that joins outcomes to predictions and measures drift; isolated."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.db.session import write
from quant.ml.monitoring import monitor
from quant.ml.objects import MlBucket
from quant.observability.invocation import observed
from quant.settings import MlSettings, database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
database_settings()
MlSettings()


@observed(logger)
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Monitor all models.

    Returns:
        What ``quant.ml.monitoring.monitor.run`` found.

    Raises:
        StoreUnavailableError: Postgres or S3 cannot be reached.
    """
    objects = MlBucket.from_environment()
    found = write(lambda connection: monitor.run(connection, objects))
    logger.info("monitored", **found)
    return found
