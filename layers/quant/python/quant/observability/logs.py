"""One form for all lines of a process: those of the domain, of libraries, of the runtime."""

import logging
from typing import Any

from quant.observability import redaction


class _Lines(logging.Formatter):
    """Ends a line that another formatter makes: the runtime's handler leaves that to its formatter.

    Without one the next record would be on the same line where output is not framed.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        return f"{self._inner.format(record)}\n"


def share_format(logger: Any) -> None:
    """Give all other loggers the format of the function's own, whose lines name the request.

    The runtime has a handler on the root logger, by which what libraries log goes out.

    Args:
        logger: Powertools' logger of the function.
    """
    redaction.install()
    for handler in logging.getLogger().handlers:
        if type(handler).__module__.startswith("awslambdaric"):
            handler.setFormatter(_Lines(logger.registered_formatter))
