"""One form for all lines of a process: those of the domain, of libraries, of the runtime."""

import logging
from typing import Any

from quant.observability import redaction


def share_format(logger: Any) -> None:
    """Give all other loggers the format of the function's own, whose lines name the request.

    The runtime has a handler on the root logger, by which what libraries log goes out.

    Args:
        logger: Powertools' logger of the function.
    """
    redaction.install()
    for handler in logging.getLogger().handlers:
        if type(handler).__module__.startswith("awslambdaric"):
            handler.setFormatter(logger.registered_formatter)
