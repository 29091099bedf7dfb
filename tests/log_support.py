"""What the functions under test write into their log."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def function_log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Give a function that returns the lines the handlers of routes wrote in the block so far.

    Each is one document; what is no JSON in one line fails.
    """
    from quant_http.telemetry import logger

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    loggers = (logging.getLogger(logger.name), logging.getLogger("quant"))
    for each in loggers:
        each.addHandler(handler)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]
    finally:
        for each in loggers:
            each.removeHandler(handler)
