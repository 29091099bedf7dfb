"""Lines of libraries: in the function's own format, each on a line of its own."""

import json
import logging
from decimal import Decimal

import pytest
from aws_lambda_powertools import Logger
from awslambdaric.bootstrap import LambdaLoggerHandler, StandardLogSink
from log_support import function_log

from quant.observability.logs import share_format
from quant_http import telemetry


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


class Unusual:
    def __str__(self) -> str:
        return "in its own words"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Überraschung \u202e\n", "Überraschung \u202e\n"),
        ({"a": [1, None, True]}, {"a": [1, None, True]}),
        (Decimal("1.50"), "1.50"),
        (Unusual(), "in its own words"),
        (2**70, 2**70),
        ("half of a pair: \ud800", "half of a pair: \ud800"),
        ({1: "no text"}, {"1": "no text"}),
    ],
    ids=repr,
)
def test_a_line_holds_any_value(value, written):
    with function_log() as lines:
        telemetry.logger.info("noted", extra={"value": value})
        [line] = lines()
    assert line["value"] == written
