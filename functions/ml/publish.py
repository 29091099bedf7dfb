"""The task that registers a version in Postgres and promotes it if it is better; isolated."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.db.session import write
from quant.ml.objects import MlBucket
from quant.ml.pipeline.publish import publish
from quant.ml.tracking import Registered
from quant.observability.invocation import observed
from quant.settings import MlSettings, database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
database_settings()
MlSettings()


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Publish the version of a model that a run made, once however often it is asked for.

    Args:
        event: ``run`` and ``model``; ``version`` and ``tracking_run`` where the server was told.

    Returns:
        ``run``, ``model``, ``version``, ``verdict``, ``reasons``; ``champion``, the input of the
        task that follows: model, run and version of the present champion, or None.

    Raises:
        StoreUnavailableError: Postgres or S3 cannot be reached.
    """
    run, model = event["run"], event["model"]
    tracked = (
        Registered(event["version"], event["tracking_run"]) if event.get("tracking_run") else None
    )
    objects = MlBucket.from_environment()
    found = write(lambda connection: publish(connection, objects, run, model, tracked=tracked))
    logger.info("published", run=run, model=model, version=found.version, verdict=found.verdict)
    leader = found.champion
    return {
        "run": run,
        "model": model,
        "version": found.version,
        "verdict": found.verdict.value,
        "reasons": list(found.reasons),
        "champion": leader and {"model": model, "run": leader.run, "version": leader.version},
    }
