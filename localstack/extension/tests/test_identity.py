import pytest

from quant_localstack.gateway.identity import RequestData, identity_values, token_is_valid

REQUEST = RequestData(
    headers={"authorization": "Bearer x", "X-Empty": ""},
    query={"key": "q", "Key": "other"},
    stage_variables={"tier": "live"},
    context={"httpMethod": "GET", "identity": {"sourceIp": "10.1.2.3", "user": None}},
)


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("method.request.header.Authorization", ("Bearer x",)),
        ("method.request.querystring.key", ("q",)),
        ("stageVariables.tier", ("live",)),
        ("context.identity.sourceIp", ("10.1.2.3",)),
        (
            "method.request.header.Authorization, context.httpMethod",
            ("Bearer x", "GET"),
        ),
        ("method.request.header.X-Empty", (None,)),
        ("method.request.header.X-Missing", (None,)),
        ("method.request.querystring.KEY", (None,)),
        ("context.identity.user", (None,)),
        ("context.identity.sourceIp.more", (None,)),
        ("", ()),
        (None, ()),
    ],
)
def test_values(source: str | None, values: tuple[str | None, ...]) -> None:
    assert identity_values(source, REQUEST) == values


@pytest.mark.parametrize("source", ["method.request.body", "header.Authorization", "x"])
def test_unknown_expression_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="unknown identity source"):
        identity_values(source, REQUEST)


def test_validation_expression_must_match_the_whole_token() -> None:
    assert token_is_valid("Bearer abc", r"Bearer [a-z]+")
    assert not token_is_valid("Bearer abc1", r"Bearer [a-z]+")
    assert not token_is_valid("x Bearer abc", r"Bearer [a-z]+")
    assert token_is_valid("anything", None)
