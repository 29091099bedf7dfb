"""The task that judges a model of a run and makes its artifact; it has no database."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.ml.objects import MlBucket
from quant.ml.pipeline.evaluate import evaluate
from quant.observability.invocation import observed
from quant.settings import MlSettings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
MlSettings()


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Evaluate a model, unless that is done.

    Args:
        event: ``run`` and ``model``.

    Returns:
        ``run``, ``model``, ``sha256`` of the artifact, ``verdict``.

    Raises:
        StoreUnavailableError: S3 cannot be reached.
    """
    run, model = event["run"], event["model"]
    found = evaluate(MlBucket.from_environment(), run, model)
    verdict = found["evaluation"]["verdict"]
    logger.info("evaluated", run=run, model=model, verdict=verdict)
    return {"run": run, "model": model, "sha256": found["sha256"], "verdict": verdict}
