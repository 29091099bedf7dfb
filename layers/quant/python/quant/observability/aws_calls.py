"""Calls of AWS APIs as parts of a trace."""

from typing import Any

from quant.observability import tracing

_KEY = "quant_subsegment"


def traced[T](client: T) -> T:
    """Return a boto3 client that records its calls.

    Source of the events: https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """
    events: Any = client.meta.events  # type: ignore[attr-defined]
    events.register("before-call", _begin)
    events.register("after-call", _end)
    events.register("after-call-error", _fail)
    return client


def _begin(model: Any, context: dict[str, Any], **_: Any) -> None:
    name = model.service_model.service_id.hyphenize()
    context[_KEY] = tracing.aws_call(name, model.name).begin()


def _end(context: dict[str, Any], http_response: Any, **_: Any) -> None:
    subsegment = context.pop(_KEY, tracing.UNSAMPLED)
    subsegment.answered("POST", http_response.status_code)
    subsegment.end()


def _fail(context: dict[str, Any], exception: Exception, **_: Any) -> None:
    context.pop(_KEY, tracing.UNSAMPLED).end(exception)
