"""Lines of libraries: in the function's own format, each on a line of its own."""

import json
import logging

import pytest
from aws_lambda_powertools import Logger
from awslambdaric.bootstrap import LambdaLoggerHandler, StandardLogSink

from quant.observability.logs import share_format


@pytest.fixture
def library():
    """A logger of a library, whose records reach the runtime's handler on the root logger."""
    root = logging.getLogger()
    handler = LambdaLoggerHandler(StandardLogSink())
    root.addHandler(handler)
    yield logging.getLogger("library.of.others")
    root.removeHandler(handler)


def test_lines_of_libraries_are_records_of_their_own(library, capsys):
    logger = Logger(service="test.logs")
    share_format(logger)
    logger.append_keys(request_id="request")
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        library.exception("first")
    library.warning("second")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert [first["message"], second["message"]] == ["first", "second"]
    assert first["request_id"] == second["request_id"] == "request"
    assert "one\ntwo" in first["exception"]
