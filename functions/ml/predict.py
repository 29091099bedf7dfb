"""The daily task that predicts what is not known yet; in the isolated network."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.ml.objects import MlBucket
from quant.ml.pipeline.predict import predict_all
from quant.observability.invocation import observed
from quant.settings import MlSettings, database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
database_settings()
MlSettings()


@observed(logger)
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Build today's features and predict with every champion.

    Returns:
        ``dataset``, and under ``models`` what was predicted, ``quant.ml.pipeline.predict.Made``.

    Raises:
        ExceptionGroup: Models failed; the others predicted nevertheless.
        StoreUnavailableError: Postgres or S3 cannot be reached.
    """
    dataset, made = predict_all(MlBucket.from_environment())
    models = [each.document() for each in made]
    logger.info("predicted", dataset=dataset, models=models)
    return {"dataset": dataset, "models": models}
