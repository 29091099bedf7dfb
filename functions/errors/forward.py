"""Forward errors in the log to Sentry.

Functions in the VPC have no way out, so that none reports its own errors: CloudWatch Logs hands the
lines to this function, which is outside. What it cannot deliver Lambda tries twice more, then sets
aside.
"""

import base64
import gzip
import json
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger

from quant.observability.invocation import observed
from quant.observability.sentry import Client, Dsn, events
from quant.secrets import read_secret
from quant.settings import SentrySettings, edge_settings

logger = Logger()

_settings: Final = SentrySettings()
_environment: Final = edge_settings().environment
_client: Final = Client()


@cache
def _dsn() -> Dsn:
    return Dsn.parse(read_secret(_settings.secret_arn))


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Forward a batch of lines.

    Returns:
        How many events were sent, and how many were dropped because Sentry wanted no more.

    Raises:
        ValueError: The secret holds no DSN.
        OSError: Sentry cannot be reached, or fails.
    """
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    sent, dropped = _client.send(_dsn(), events(batch, environment=_environment))
    # Not at the level that it forwards.
    logger.info("errors forwarded", sent=sent, dropped=dropped)
    return {"sent": sent, "dropped": dropped}
