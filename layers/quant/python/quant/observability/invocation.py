"""What surrounds a function that an event invokes: ids in its lines, a trace, masked failures."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from quant.observability import redaction, tracing
from quant.observability.logs import share_format

type Handler = Callable[[dict[str, Any], Any], Any]


def observed(logger: Any) -> Callable[[Handler], Handler]:
    """Return a decorator of the handler of an event.

    Every line has the id of the invocation and of what caused it, and says whether it is the
    first of its process.

    Args:
        logger: Powertools' logger of the function.
    """
    share_format(logger)
    name = os.environ.get("POWERTOOLS_SERVICE_NAME", "function")
    cold = True

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def observe(event: dict[str, Any], context: Any) -> Any:
            nonlocal cold
            ids = {
                "function_request_id": getattr(context, "aws_request_id", None),
                "cold_start": cold,
                **_causes(event),
            }
            cold = False
            logger.append_keys(**ids)
            try:
                with tracing.invocation(name) as trace:
                    trace.annotate(request_id=ids["function_request_id"])
                    return handler(event, context)
            except Exception as error:
                # The runtime writes what escapes into the log, past all loggers.
                safe = masked(error)
                if safe is error:
                    raise
                raise safe from None
            finally:
                logger.remove_keys(list(ids))

        return observe

    return decorate


def masked(error: Exception) -> Exception:
    """Return an error of the same name whose message may be logged; mostly the error itself."""
    message = str(error)
    safe = redaction.mask(message)
    if safe == message:
        return error
    made: Exception = type(type(error).__name__, (Exception,), {})(safe)
    return made.with_traceback(error.__traceback__)


def _causes(event: dict[str, Any]) -> dict[str, Any]:
    """Return the ids of what caused an invocation: messages, an event, a run of the machines."""
    messages = [record["messageId"] for record in event.get("Records", ()) if "messageId" in record]
    causes = {"message_ids": messages, "event_id": event.get("id"), "run": event.get("run")}
    return {name: value for name, value in causes.items() if value}
