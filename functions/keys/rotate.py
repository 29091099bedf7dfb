"""Rotation of the signing keys; Secrets Manager calls it once for each of four steps.

Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.audit import record_or_queue
from quant.keys import Rotation
from quant.observability.invocation import observed
from quant.origin import Origin
from quant.secrets import is_secret
from quant.settings import SigningSettings, database_settings
from quant.vocabulary import AuditEvent

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

_settings = SigningSettings()
# Bad configuration fails the deployment, not the first rotation.
database_settings()


@cache
def _client() -> Any:
    # Of the runtime, not of our layers.
    import boto3  # noqa: PLC0415

    return boto3.client("secretsmanager")


def _finish(rotation: Rotation, version: str) -> None:
    kid = rotation.finish_secret(version)
    record_or_queue(
        AuditEvent.SIGNING_KEY_ROTATED, actor=None, target=kid, origin=Origin(request_id=version)
    )


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> None:
    """Take one step of a rotation.

    Raises:
        ValueError: The request is not for the signing secret, or of no known step.
        QuantError: The step cannot be taken now; Secrets Manager tries again later.
    """
    secret, version, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    # Secrets Manager sends the ARN, LocalStack's the name.
    if not is_secret(secret, _settings.signing_key_secret_arn):
        msg = "this function rotates the signing secret only"
        raise ValueError(msg)
    rotation = Rotation(
        _client(),
        signing_key_secret_arn=_settings.signing_key_secret_arn,
        jwks_secret_arn=_settings.jwks_secret_arn,
    )
    match step:
        case "createSecret":
            rotation.create_secret(version)
        case "setSecret":
            rotation.set_secret(version)
        case "testSecret":
            rotation.test_secret(version)
        case "finishSecret":
            _finish(rotation, version)
        case _:
            msg = f"there is no rotation step {step!r}"
            raise ValueError(msg)
    logger.info("rotation step taken", step=step, version=version)
