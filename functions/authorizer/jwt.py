"""The Lambda REQUEST authorizer: verifies the token and picks the tier's usage plan.

It takes access tokens of a login, whose session may have been revoked, and API tokens.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

import uuid
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant import api_tokens, cold_start, valkey_store
from quant.db.lookup import Lookup
from quant.observability import tracing
from quant.observability.logs import share_format
from quant.revocation import RevocationIndex
from quant.secrets import read_secret
from quant.settings import ApiKeySettings, TokenSettings
from quant.snapstart import after_restore
from quant.tokens import ExpiredTokenError, InvalidTokenError, JwksCache, Principal, verify

NAME: Final = "authorizer.jwt"

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})
share_format(logger)

valkey_store.load()

_settings = TokenSettings()
_api_key_secrets = ApiKeySettings().secret_arns
_keys = JwksCache(lambda: _settings.jwks_secret_arn)
_lookup = Lookup()
_revocation = RevocationIndex(lookup=_lookup)


@cache
def _api_key(tier: str) -> str:
    return read_secret(_api_key_secrets[tier])


after_restore(_api_key.cache_clear)


def _bearer_token(event: dict[str, Any]) -> str:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        msg = "not the Bearer scheme"
        raise InvalidTokenError(msg)
    return str(token).strip()


def _principal(token: str) -> Principal:
    if token.startswith(api_tokens.PREFIX):
        return api_tokens.holder(token, _lookup)
    principal = verify(token, _keys, issuer=_settings.issuer, audience=_settings.audience)
    try:
        session_id = uuid.UUID(principal.session_id)
    except ValueError:
        msg = "its session is no UUID"
        raise InvalidTokenError(msg) from None
    if _revocation.is_revoked(session_id):
        msg = "its session was revoked"
        raise ExpiredTokenError(msg)
    return principal


def _stage_arn(method_arn: str) -> str:
    # The answer is cached by token and serves every method: it must not name one of them.
    api, stage, *_ = method_arn.split("/")
    return f"{api}/{stage}/*"


def _policy(effect: str, method_arn: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": "execute-api:Invoke",
                "Effect": effect,
                "Resource": _stage_arn(method_arn),
            }
        ],
    }


def _allow(principal: Principal, method_arn: str) -> dict[str, Any]:
    return {
        "principalId": principal.subject,
        "policyDocument": _policy("Allow", method_arn),
        "context": {
            "tier": principal.tier,
            "scope": " ".join(principal.scopes),
            "token_id": principal.token_id,
            "session_id": principal.session_id,
        },
        "usageIdentifierKey": _api_key(principal.tier),
    }


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer whether the request's token may call the API.

    Returns:
        A policy: Allow, with the tier's API key as usage identifier, or Deny for a token that
        was never ours.

    Raises:
        Exception: ``Unauthorized``, on a token that has expired or was revoked; API Gateway turns
            it into a 401, which tells the client to get a new one.
        StoreUnavailableError: Nobody can say whether the token still holds; API Gateway turns it
            into a 503 rather than admit it.
    """
    request_id = (event.get("requestContext") or {}).get("requestId")
    logger.append_keys(
        request_id=request_id,
        function_request_id=getattr(context, "aws_request_id", None),
    )
    with tracing.invocation(NAME) as trace:
        trace.annotate(request_id=request_id)
        status, answer = _decide(event)
        # The refusal of a token is no fault of the authorizer.
        trace.answered(event.get("httpMethod", "GET"), status)
    if answer is None:
        # API Gateway reads the exception's message: it must be exactly this word.
        raise Exception("Unauthorized")
    return answer


def _decide(event: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
    """Return what the gateway will answer a refused token, 200 for another, and the policy."""
    method_arn = event["methodArn"]
    try:
        principal = _principal(_bearer_token(event))
    except ExpiredTokenError as error:
        logger.info("token refused: %s", error)
        return 401, None
    except InvalidTokenError as error:
        logger.info("token refused: %s", error)
        return 403, {"principalId": "unknown", "policyDocument": _policy("Deny", method_arn)}
    return 200, _allow(principal, method_arn)


cold_start.end()
