"""Evaluation of the policy a Lambda authorizer returns.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

ACTION = "execute-api:Invoke"


class Decision(Enum):
    """Outcome of a policy for one method."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


class MalformedPolicyError(ValueError):
    """The document is not a policy API Gateway would accept."""


def evaluate(document: object, method_arn: str) -> Decision:
    """Decide whether ``document`` lets its bearer invoke the method ``method_arn``.

    A matching Deny wins over every Allow; no matching statement denies implicitly. A statement
    under a ``Condition`` is not evaluated: it counts if it denies and does not if it allows.

    :raises MalformedPolicyError: if the document has no statements or one of them is malformed
    """
    if not isinstance(document, Mapping):
        raise MalformedPolicyError("the policy document is not an object")
    statements = document.get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicyError("the policy document has no statements")
    decision = Decision.IMPLICIT_DENY
    for statement in statements:
        if not isinstance(statement, Mapping):
            raise MalformedPolicyError("a statement is not an object")
        effect = statement.get("Effect")
        if effect not in ("Allow", "Deny"):
            raise MalformedPolicyError("a statement's effect is neither Allow nor Deny")
        applies = _matches(statement, "Action", ACTION, ignore_case=True)
        applies &= _matches(statement, "Resource", method_arn, ignore_case=False)
        if not applies:
            continue
        if effect == "Deny":
            decision = Decision.EXPLICIT_DENY
        elif decision is Decision.IMPLICIT_DENY and not statement.get("Condition"):
            decision = Decision.ALLOW
    return decision


def _matches(statement: Mapping[str, Any], element: str, value: str, *, ignore_case: bool) -> bool:
    if element in statement:
        return _any_matches(statement[element], value, ignore_case)
    if f"Not{element}" in statement:
        return not _any_matches(statement[f"Not{element}"], value, ignore_case)
    raise MalformedPolicyError(f"a statement has no {element}")


def _any_matches(patterns: object, value: str, ignore_case: bool) -> bool:
    if isinstance(patterns, str):
        patterns = [patterns]
    if not isinstance(patterns, list) or not all(isinstance(item, str) for item in patterns):
        raise MalformedPolicyError("a statement's element is neither a string nor a list of them")
    return any(_compile(pattern, ignore_case).fullmatch(value) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compile(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """``*`` stands for any characters, ``/`` and ``:`` included, ``?`` for exactly one."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(char) or re.escape(char) for char in pattern)
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
