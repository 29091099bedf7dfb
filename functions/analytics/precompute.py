"""Compute ahead what takes too long for a request, whenever the disclosed data have changed.

A rule invokes it every quarter of an hour; where nothing has changed it ends at once.
"""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.observability.invocation import observed
from quant.reports import precompute
from quant.settings import database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
database_settings()


@observed(logger)
def handler(_event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Bring all documents up to date.

    Returns:
        ``current`` or ``computed`` by kind of document.

    Raises:
        ExceptionGroup: Kinds failed; the others were computed nevertheless.
        StoreUnavailableError: Postgres cannot be reached.
    """
    return precompute.run()
