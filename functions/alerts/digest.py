"""Send the day's mails and forget old deliveries; invoked by a schedule."""

from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.alerts.deliveries import purge
from quant.alerts.digest import send_mails
from quant.db.session import write
from quant.observability.invocation import observed
from quant.settings import EmailSettings, WebhookSettings, database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first mail.
database_settings()
EmailSettings()
WebhookSettings()

# What one mail may take, time-outs of SES and all.
_RESERVE_MS: Final = 20_000


@observed(logger)
def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Mail what waits, each once.

    Returns:
        How many mails were sent and how many failed, and whether time sufficed.
    """
    mailing = send_mails(lambda: context.get_remaining_time_in_millis() > _RESERVE_MS)
    purged = write(purge)
    if not mailing.complete:
        logger.error("time was up before all mails were sent")
    logger.info("mails sent", sent=mailing.sent, failed=mailing.failed, purged=purged)
    return {"sent": mailing.sent, "failed": mailing.failed, "complete": mailing.complete}
