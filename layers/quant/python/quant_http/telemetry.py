"""What the end of a request leaves behind: its log line, and the metrics in it.

The line is a record of CloudWatch's embedded metric format, so that metrics cost no call and no
line of their own.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools import Logger

from quant.observability import catalogue
from quant.observability.emf import record

logger: Final = Logger()

_FIRST_SERVER_ERROR: Final = 500


@dataclass(slots=True)
class Observation:
    """What is noticed while a request is served.

    Attributes:
        cache_hits: Answers that the cache had.
        cache_misses: Answers that it did not have.
        throttled: Whether the rate limiter refused the request.
    """

    cache_hits: int = 0
    cache_misses: int = 0
    throttled: bool = False


_observation: ContextVar[Observation | None] = ContextVar("observation", default=None)


def begin() -> Observation:
    """Begin to observe a request; return what will be observed of it."""
    observation = Observation()
    _observation.set(observation)
    return observation


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


def end(route: str, method: str, status: int, seconds: float, observed: Observation) -> None:
    """Log the end of a request, with its metrics.

    Args:
        route: Name of the route.
        method: Its HTTP method.
        status: Status of the answer.
        seconds: Time from the event to the finished answer.
        observed: What was noticed meanwhile.
    """
    values = {catalogue.DURATION: round(seconds * 1000, 3)}
    if status >= _FIRST_SERVER_ERROR:
        values[catalogue.SERVER_ERRORS] = 1
    if observed.throttled:
        values[catalogue.THROTTLED] = 1
    if observed.cache_hits:
        values[catalogue.CACHE_HITS] = observed.cache_hits
    if observed.cache_misses:
        values[catalogue.CACHE_MISSES] = observed.cache_misses
    logger.info("request answered", status=status, method=method, route=route, **record(values))
