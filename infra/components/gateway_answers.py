"""What API Gateway itself answers: problem details (RFC 9457)."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aws_cdk import aws_apigateway as apigateway

from quant.tiers import TIERS
from quant_http.cors import answer_headers

_RETRY_SECONDS: Final = 5
# A throttled client's bucket holds a request again after this long, whatever its tier.
_THROTTLED_RETRY_SECONDS: Final = math.ceil(1 / min(tier.rate_limit for tier in TIERS.values()))
_DAY_SECONDS: Final = 86_400

# Both are API Gateway's own variables: a quoted string and the request's identifier.
_GATEWAY_MESSAGE: Final = "$context.error.messageString"
_REQUEST_ID: Final = "$context.requestId"


@dataclass(frozen=True, slots=True)
class _Problem:
    """What the client is told when API Gateway itself answers.

    Attributes:
        status: Response status.
        detail: Explanation; ``None`` for API Gateway's own message.
        retry_after: Seconds for the ``Retry-After`` header.
        challenge: Value of the ``WWW-Authenticate`` header.
    """

    status: HTTPStatus
    detail: str | None = None
    retry_after: int | None = None
    challenge: str | None = None


_UNKNOWN_ROUTE: Final = _Problem(HTTPStatus.NOT_FOUND, "No such resource or method.")
_INTERNAL: Final = _Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The request could not be processed.")

# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_PROBLEMS: Final[Mapping[str, _Problem]] = {
    "ACCESS_DENIED": _Problem(HTTPStatus.FORBIDDEN, "The token does not grant access to this."),
    "API_CONFIGURATION_ERROR": _INTERNAL,
    "AUTHORIZER_CONFIGURATION_ERROR": _INTERNAL,
    # The authorizer refuses everybody while nobody can tell which sessions were revoked.
    "AUTHORIZER_FAILURE": _Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The token cannot be checked at the moment.",
        retry_after=_RETRY_SECONDS,
    ),
    "BAD_REQUEST_BODY": _Problem(HTTPStatus.BAD_REQUEST),
    "BAD_REQUEST_PARAMETERS": _Problem(HTTPStatus.BAD_REQUEST),
    "DEFAULT_4XX": _Problem(HTTPStatus.BAD_REQUEST),
    "DEFAULT_5XX": _INTERNAL,
    "INTEGRATION_FAILURE": _Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The service is not available at the moment.",
        retry_after=_RETRY_SECONDS,
    ),
    "INTEGRATION_TIMEOUT": _Problem(
        HTTPStatus.GATEWAY_TIMEOUT, "The service did not answer in time.", _RETRY_SECONDS
    ),
    "INVALID_API_KEY": _Problem(HTTPStatus.FORBIDDEN, "The client has no usage plan."),
    # API Gateway answers an unknown route as if it were one that wants an AWS signature: the
    # token is missing, or is one it cannot read. No route of ours takes signatures.
    "EXPIRED_TOKEN": _UNKNOWN_ROUTE,
    "INVALID_SIGNATURE": _UNKNOWN_ROUTE,
    "MISSING_AUTHENTICATION_TOKEN": _UNKNOWN_ROUTE,
    "RESOURCE_NOT_FOUND": _UNKNOWN_ROUTE,
    "QUOTA_EXCEEDED": _Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The monthly quota of the client's tier is used up.",
        retry_after=_DAY_SECONDS,
    ),
    "REQUEST_TOO_LARGE": _Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    "THROTTLED": _Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The request rate of the client's tier is exceeded.",
        retry_after=_THROTTLED_RETRY_SECONDS,
    ),
    "UNAUTHORIZED": _Problem(
        HTTPStatus.UNAUTHORIZED, "A valid access token is required.", challenge="Bearer"
    ),
    "UNSUPPORTED_MEDIA_TYPE": _Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    "WAF_FILTERED": _Problem(HTTPStatus.FORBIDDEN, "The request was refused."),
}


def answer_with_problems(api: apigateway.RestApi, origins: Sequence[str]) -> None:
    """Make the answers of an API itself problem details.

    Args:
        api: The API.
        origins: Whose scripts may call it.
    """
    for response_type, problem in _PROBLEMS.items():
        _answer(api, origins, response_type, problem)


def _answer(
    api: apigateway.RestApi, origins: Sequence[str], response_type: str, problem: _Problem
) -> None:
    detail = _GATEWAY_MESSAGE if problem.detail is None else json.dumps(problem.detail)
    headers = {"content-type": "'application/problem+json'"}
    if problem.retry_after is not None:
        headers["retry-after"] = f"'{problem.retry_after}'"
    if problem.challenge is not None:
        headers["www-authenticate"] = f"'{problem.challenge}'"
    if len(origins) == 1:
        # These headers are constants: with several origins none can be named.
        [origin] = origins
        headers |= {name: f"'{value}'" for name, value in answer_headers(origin).items()}
    api.add_gateway_response(
        "".join(part.capitalize() for part in response_type.split("_")),
        type=apigateway.ResponseType.of(response_type),
        status_code=str(problem.status.value),
        response_headers=headers,
        templates={
            "application/json": (
                f'{{"type":"about:blank","title":{json.dumps(problem.status.phrase)},'
                f'"status":{problem.status.value},"detail":{detail},'
                f'"request_id":"{_REQUEST_ID}"}}'
            )
        },
    )
