"""Make the audit log's months, drop those that expired, and what accounts left; by schedule.

The function connects as the owner of the schema, who could write the log anew: it has no right to
write anchors, which would then show it.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from sqlalchemy import Engine

from quant.accounts.expiry import delete_expired_links, delete_unverified
from quant.audit.maintenance import create_months, purge
from quant.db.session import create_engine_from
from quant.observability.invocation import observed
from quant.settings import DatabaseOwnerSettings

MONTHS_AHEAD: Final = 12

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first run.
_settings = DatabaseOwnerSettings()


@cache
def _engine() -> Engine:
    return create_engine_from(_settings)


@observed(logger)
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Do what is due; it may run at any time, and again.

    Returns:
        What was done.

    Raises:
        ChainBrokenError: The log was changed; months were made, and nothing was dropped.
        PurgeRefusedError: Entries that expired are in no month of their own.
        sqlalchemy.exc.DBAPIError: Postgres gave no answer.
    """
    engine = _engine()
    done: dict[str, Any] = {"months_made": create_months(engine, MONTHS_AHEAD)}
    delete_expired_links(engine)
    done["accounts_deleted"] = delete_unverified(engine)
    # Last, as it verifies the whole log first and fails if that was changed.
    purged = purge(engine, before=datetime.now(UTC).date().replace(day=1))
    done["months_dropped"] = [f"{month:%Y-%m}" for month in purged.months]
    logger.info("audit log maintained", **done)
    return done
