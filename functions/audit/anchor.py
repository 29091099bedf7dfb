"""Keep the audit log's newest place in a bucket whose objects nobody can change; by schedule.

The function connects as the application, which cannot write the log it bears witness of.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.audit.maintenance import current_anchor
from quant.db.session import engine
from quant.observability.invocation import observed
from quant.settings import AnchorSettings, database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first anchor.
_settings = AnchorSettings()
database_settings()


@cache
def _client() -> Any:
    # Of the runtime, not of our layers.
    import boto3  # noqa: PLC0415

    return boto3.client("s3")


@observed(logger)
def handler(_event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Write the anchor as an object of its own.

    Returns:
        The object's key and its content, ``<sequence>:<hash>``.

    Raises:
        sqlalchemy.exc.DBAPIError: Postgres gave no answer.
        botocore.exceptions.ClientError: The bucket did not take it.
    """
    anchor = current_anchor(engine())
    key = f"{datetime.now(UTC):%Y/%m/%d/%H%M%SZ}-{anchor.sequence}"
    _client().put_object(
        Bucket=_settings.bucket,
        Key=key,
        Body=f"{anchor}\n".encode(),
        ContentType="text/plain",
        # A bucket with object lock takes nothing without one.
        ChecksumAlgorithm="SHA256",
    )
    logger.info("anchor kept", key=key, sequence=anchor.sequence)
    return {"key": key, "anchor": str(anchor)}
