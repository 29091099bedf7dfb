"""What a request leaves behind: ids in each of its log lines, metrics in the last, a trace.

The last line is a record of CloudWatch's embedded metric format, so that metrics cost no call and
no line of their own.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from starlette.types import Scope

from quant.observability import catalogue
from quant.observability.counters import counters
from quant.observability.emf import record
from quant.observability.logs import share_format
from quant_http.json import dump_line

# To write a line as JSON is a third of what Powertools takes to format it.
logger: Final = Logger(json_serializer=dump_line)
# The domain logs through the standard library: give its loggers the same format and ids.
copy_config_to_registered_loggers(logger, include={"quant"})
share_format(logger)

_FIRST_SERVER_ERROR: Final = 500
# Account ids are UUIDs; whatever else a token may name is not for the log.
_PRINCIPAL: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(slots=True)
class Observation:
    """What is noticed while a request is served.

    Attributes:
        cache_hits: Answers that the cache had.
        cache_misses: Answers that it did not have.
        throttled: Whether the rate limiter refused the request.
        fallbacks: Decisions of the rate limiter made without Valkey.
    """

    cache_hits: int = 0
    cache_misses: int = 0
    throttled: bool = False
    fallbacks: int = 0


_observation: ContextVar[Observation | None] = ContextVar("observation", default=None)
_cold_start = True


def begin() -> Observation:
    """Begin to observe a request; return what will be observed of it."""
    observation = Observation()
    _observation.set(observation)
    return observation


def identify(scope: Scope, request_id: str, route: str) -> str | None:
    """Have every further log line name the request, and return who sent it.

    Args:
        scope: The request, with Lambda's event and context.
        request_id: Id of the request.
        route: Name of the route.

    Returns:
        Id of the account, ``None`` where there is none or it is no UUID.
    """
    global _cold_start  # noqa: PLW0603 - of the process, as the logger
    authorizer = scope.get("aws.event", {}).get("requestContext", {}).get("authorizer") or {}
    principal = authorizer.get("principalId") or ""
    known = principal if _PRINCIPAL.fullmatch(principal) else None
    logger.append_keys(
        request_id=request_id,
        route=route,
        principal=known,
        function_request_id=getattr(scope.get("aws.context"), "aws_request_id", None),
        cold_start=_cold_start,
    )
    _cold_start = False
    return known


def note_lookup(hit: bool) -> None:
    """Note that the cache was asked for an answer, and whether it had it."""
    observation = _observation.get()
    if observation is None:
        return
    if hit:
        observation.cache_hits += 1
    else:
        observation.cache_misses += 1


def note_throttled() -> None:
    """Note that the rate limiter refused the request."""
    observation = _observation.get()
    if observation is not None:
        observation.throttled = True


def note_fallback() -> None:
    """Note that the rate limiter decided without Valkey."""
    observation = _observation.get()
    if observation is not None:
        observation.fallbacks += 1


def end(route: str, method: str, status: int, seconds: float, observed: Observation) -> None:
    """Log the end of a request, with its metrics.

    Args:
        route: Name of the route.
        method: Its HTTP method.
        status: Status of the answer.
        seconds: Time from the event to the finished answer.
        observed: What was noticed meanwhile.
    """
    values: dict[catalogue.Metric, float] = {
        catalogue.DURATION: round(seconds * 1000, 3),
        catalogue.SERVER_ERRORS: int(status >= _FIRST_SERVER_ERROR),
        catalogue.THROTTLED: int(observed.throttled),
        catalogue.CACHE_HITS: observed.cache_hits,
        catalogue.CACHE_MISSES: observed.cache_misses,
        catalogue.LIMITER_FALLBACK: observed.fallbacks,
    }
    # A metric that is always nought would cost as much as any other.
    counted = {
        metric: value for metric, value in values.items() if value or metric is catalogue.DURATION
    }
    logger.info("request answered", status=status, method=method, route=route, **record(counted))


def count(route: str, method: str, status: int, seconds: float, observed: Observation) -> None:
    """Count a request for `GET /metrics`; arguments as of ``end``."""
    counters().request(
        route,
        method,
        status,
        seconds,
        refused=observed.throttled,
        fallbacks=observed.fallbacks,
        hits=observed.cache_hits,
        misses=observed.cache_misses,
    )
