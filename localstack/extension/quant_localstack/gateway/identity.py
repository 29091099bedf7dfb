"""Identity sources of Lambda authorizers.

https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RequestData:
    """What identity sources can refer to; header names compare without case, others with it."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    stage_variables: Mapping[str, str]
    context: Mapping[str, Any]


def identity_values(source: str | None, request: RequestData) -> tuple[str | None, ...]:
    """Values of a comma-separated identity source, None for each that is missing or empty.

    :raises ValueError: if an expression is none API Gateway knows
    """
    expressions = [item.strip() for item in (source or "").split(",") if item.strip()]
    return tuple(_value(expression, request) or None for expression in expressions)


def _value(expression: str, request: RequestData) -> str | None:
    match expression.split("."):
        case ["method", "request", "header", *name] if name:
            wanted = ".".join(name).lower()
            return next((v for k, v in request.headers.items() if k.lower() == wanted), None)
        case ["method", "request", "querystring", *name] if name:
            return request.query.get(".".join(name))
        case ["stageVariables", name]:
            return request.stage_variables.get(name)
        case ["context", *path] if path:
            value: Any = request.context
            for name in path:
                value = value.get(name) if isinstance(value, Mapping) else None
            return None if value is None else str(value)
    raise ValueError(f"unknown identity source: {expression}")


def token_is_valid(token: str, expression: str | None) -> bool:
    """Whether a TOKEN authorizer's ``identityValidationExpression`` matches the whole token."""
    return not expression or re.fullmatch(expression, token) is not None
