import pytest

from quant_localstack.cloudformation.authorizer import parameters, patch_operations
from quant_localstack.gateway.authorizer import parse_result
from quant_localstack.gateway.proxy import matches_binary_media_types

POLICY = {"Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}]}


def test_context_values_become_strings() -> None:
    result = parse_result(
        {
            "principalId": "user",
            "policyDocument": POLICY,
            "context": {"text": "a", "number": 1, "part": 0.5, "yes": True, "nothing": None},
            "usageIdentifierKey": "k",
        }
    )
    assert result.context == {"text": "a", "number": "1", "part": "0.5", "yes": "true"}
    assert (result.principal_id, result.usage_identifier_key) == ("user", "k")


@pytest.mark.parametrize(
    "output",
    [
        None,
        [],
        {"policyDocument": POLICY},
        {"principalId": 1, "policyDocument": POLICY},
        {"principalId": "user"},
        {"principalId": "user", "policyDocument": {}},
        {"principalId": "user", "policyDocument": POLICY, "context": {"list": []}},
        {"principalId": "user", "policyDocument": POLICY, "context": "text"},
        {"principalId": "user", "policyDocument": POLICY, "usageIdentifierKey": 7},
    ],
)
def test_malformed_output_is_refused(output: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 the messages are only for the log
        parse_result(output)


def test_template_properties_become_arguments() -> None:
    model = {
        "RestApiId": "a",
        "Name": "n",
        "AuthorizerResultTtlInSeconds": "0",
        "IdentitySource": "",
    }
    assert parameters(model) == {"name": "n", "authorizerResultTtlInSeconds": 0}


def test_update_is_a_patch_of_what_changed() -> None:
    before = {"name": "n", "identitySource": "a", "authorizerResultTtlInSeconds": 300}
    after = {"name": "n", "authorizerResultTtlInSeconds": 0, "authorizerUri": "u"}
    assert patch_operations(before, after) == [
        {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "0"},
        {"op": "add", "path": "/authorizerUri", "value": "u"},
        {"op": "remove", "path": "/identitySource"},
    ]


def test_all_binary_media_types() -> None:
    assert matches_binary_media_types(None, ["*/*"])
    assert matches_binary_media_types("image/png", ["image/*"])
    assert not matches_binary_media_types("application/json", ["image/*"])
