import pytest
from werkzeug.datastructures import Headers

from quant_localstack.gateway.responses import choose_template, header_value, render

VARIABLES = {
    "context": {
        "requestId": "r-1",
        "requestTimeEpoch": 17,
        "error": {"message": 'no "x"', "messageString": '"no \\"x\\""'},
    },
    "stageVariables": {"tier": "live"},
    "method": {"request": {"header": Headers({"X-Trace": "t"}), "querystring": {"q": "1"}}},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{"detail":$context.error.messageString}', '{"detail":"no \\"x\\""}'),
        ('"urn:$context.requestId"', '"urn:r-1"'),
        ("${context.requestId}x", "r-1x"),
        ("$context.requestTimeEpoch", "17"),
        ("$method.request.header.x-trace/$method.request.querystring.q", "t/1"),
        ("$stageVariables.tier", "live"),
        ("[$context.unknown.name]", "[]"),
        ("costs $10 in $money", "costs $10 in $money"),
        ("$context.requestId.", "r-1."),
    ],
)
def test_variables_are_replaced(template: str, text: str) -> None:
    assert render(template, VARIABLES) == text


def test_header_mapping() -> None:
    assert header_value("'60'", VARIABLES) == "60"
    assert header_value("context.requestId", VARIABLES) == "r-1"
    assert header_value("method.request.header.X-Trace", VARIABLES) == "t"
    assert header_value("context.nothing", VARIABLES) is None


def test_template_is_chosen_by_what_the_client_accepts() -> None:
    templates = {"application/xml": "x", "application/json": "j"}
    assert choose_template(templates, {"Accept": "text/html, application/xml;q=0.9"}) == (
        "application/xml"
    )
    assert choose_template(templates, {"Accept": "*/*"}) == "application/json"
    assert choose_template({"application/problem+json": "p"}, {}) == "application/problem+json"
