"""The first task of training: snapshot, features and plan; in the isolated network."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.db.session import read
from quant.ml import layout
from quant.ml.objects import MlBucket
from quant.ml.pipeline.prepare import prepare
from quant.ml.pipeline.runs import PLAN, load_plan
from quant.ml.pipeline.settings import RunSettings
from quant.observability.invocation import observed
from quant.settings import MlSettings, database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
database_settings()
MlSettings()


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Prepare a run; the same data, settings and code give the same one.

    Args:
        event: ``settings``, those that are not the defaults (``quant.ml.pipeline.settings``).

    Returns:
        ``run``; ``plan``, bucket and key of the items; ``fits``, how many there are; ``models``,
        the inputs of the tasks that follow for each model; ``left_out``, reasons by model.

    Raises:
        StoreUnavailableError: Postgres or S3 cannot be reached.
    """
    objects = MlBucket.from_environment()
    settings = RunSettings.of(event.get("settings") or {})
    run = read(lambda connection: prepare(connection, objects, settings))
    fits = len(load_plan(objects, run.run))
    logger.info("prepared", run=run.run, dataset=run.dataset, fits=fits)
    return {
        "run": run.run,
        "plan": {"bucket": MlSettings().bucket, "key": layout.run_key(run.run, PLAN)},
        "fits": fits,
        "models": [{"run": run.run, "model": model} for model in run.models],
        "left_out": run.left_out,
    }
