"""Send what the outbox holds; a rule invokes it every minute."""

from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.observability.invocation import observed
from quant.pipeline.publishing import LOT, relay_lot
from quant.settings import QueueSettings, database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first message.
database_settings()
_settings = QueueSettings()

# What one lot may take while SQS and EventBridge are slow.
_RESERVE_MS: Final = 20_000


@observed(logger)
def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Send lot after lot until none is left or time is up.

    Returns:
        How many messages were sent.

    Raises:
        StoreUnavailableError: Postgres, SQS or EventBridge cannot be reached; the next run sends
            what this one could not.
    """
    sent = lot = relay_lot(_settings)
    while lot == LOT and context.get_remaining_time_in_millis() > _RESERVE_MS:
        lot = relay_lot(_settings)
        sent += lot
    if sent:
        logger.info("outbox relayed", sent=sent)
    return {"sent": sent}
