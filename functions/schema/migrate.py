"""Bring the database up to the deployed code: schema, roles, the first signing keys.

CloudFormation invokes it before it deploys any other function, and what fails here fails the
deployment. An operator may invoke it without a request, after a restore. All of it may be repeated.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.db.backup_role import ensure_backup_role
from quant.db.migrate import Patience, upgrade
from quant.db.roles import ensure_role
from quant.db.schema import SCHEMA_REVISION
from quant.db.session import create_engine_from
from quant.db.tracking import ensure_tracking
from quant.errors import QuantError
from quant.keys import ensure_keys
from quant.observability.invocation import observed
from quant.secrets import read_secret
from quant.settings import Credentials, DatabaseOwnerSettings, RoleSettings, SigningSettings
from schema._cloudformation import answer

# Kept of the function's time for what follows the migrations, and for the answer.
RESERVE_S: Final = 60.0

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment before anything is migrated.
_owner = DatabaseOwnerSettings()
_roles = RoleSettings()
_signing = SigningSettings()


@observed(logger)
def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Do what is due, and tell CloudFormation if it was that which asked.

    Returns:
        What was done: ``before`` and ``after`` are revisions, ``key_id`` is of the signing key.

    Raises:
        Exception: Something failed, and nobody waits for an answer.
    """
    if "RequestType" not in event:
        return _bring_up(SCHEMA_REVISION, context)
    return _for_cloudformation(event, lambda revision: _bring_up(revision, context))


def _for_cloudformation(
    event: dict[str, Any], bring_up: Callable[[str], dict[str, str]]
) -> dict[str, str]:
    done: dict[str, str] = {}
    try:
        # What is deleted is the stack; the data stays.
        if event["RequestType"] != "Delete":
            done = bring_up(event["ResourceProperties"]["SchemaRevision"])
    except Exception as error:
        logger.exception("the schema is not up to date")
        answer(event, failure=_reason(error))
    else:
        answer(event, data=done)
    return done


def _bring_up(revision: str, context: Any) -> dict[str, str]:
    limit = context.get_remaining_time_in_millis() / 1000 - RESERVE_S
    # The driver's time-out is of every statement, and those of migrations end by Postgres' own.
    engine = create_engine_from(_owner.replace(connect_timeout_s=limit + RESERVE_S))
    try:
        outcome = upgrade(engine, revision, patience=Patience(limit_s=limit))
        with engine.connect() as connection:
            if _roles.application_secret_arn is not None:
                ensure_role(connection, _credentials(_roles.application_secret_arn))
            if _roles.tracking_secret_arn is not None:
                ensure_tracking(connection, _credentials(_roles.tracking_secret_arn))
            if _roles.backup_secret_arn is not None:
                ensure_backup_role(connection, _credentials(_roles.backup_secret_arn))
    finally:
        engine.dispose()
    kid = ensure_keys(_signing.signing_key_secret_arn, _signing.jwks_secret_arn)
    done = {"before": outcome.before or "", "after": outcome.after, "key_id": kid}
    logger.info("the schema is up to date", done=done, waits=outcome.waits)
    return done


def _credentials(secret_arn: str) -> Credentials:
    return Credentials.from_json(read_secret(secret_arn))


def _reason(error: Exception) -> str:
    """Say what failed; of an error that is not ours only the kind, as its text may hold data."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, QuantError) else f"{name}; see the log"
