import pytest

from quant_localstack.gateway.policy import Decision, MalformedPolicyError, evaluate

ARN = "arn:aws:execute-api:us-east-1:000000000000:abc123/live/GET/v1/trades/42"


def policy(*statements: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect: str, resource: object, action: object = "execute-api:Invoke") -> object:
    return {"Effect": effect, "Action": action, "Resource": resource}


@pytest.mark.parametrize(
    "resource",
    [
        ARN,
        "*",
        "arn:aws:execute-api:us-east-1:000000000000:abc123/live/*",
        "arn:aws:execute-api:us-east-1:*:abc123/*/GET/v1/trades/*",
        "arn:aws:execute-api:us-east-1:000000000000:abc123/live/GET/v?/trades/4?",
        ["arn:aws:execute-api:us-east-1:000000000000:other/*", ARN],
    ],
)
def test_matching_resource_is_allowed(resource: object) -> None:
    assert evaluate(policy(statement("Allow", resource)), ARN) is Decision.ALLOW


@pytest.mark.parametrize(
    "resource",
    [
        ARN + "/more",
        ARN[:-1],
        ARN.replace("GET", "get"),
        "arn:aws:execute-api:us-east-1:000000000000:abc123/live/POST/*",
        ARN.replace("42", "4?2"),
        ARN.replace("v1", "v."),
        [],
    ],
)
def test_other_resource_is_denied_implicitly(resource: object) -> None:
    assert evaluate(policy(statement("Allow", resource)), ARN) is Decision.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("action", "decision"),
    [
        ("execute-api:*", Decision.ALLOW),
        ("*", Decision.ALLOW),
        ("Execute-API:invoke", Decision.ALLOW),
        (["execute-api:ManageConnections", "execute-api:Inv*"], Decision.ALLOW),
        ("execute-api:ManageConnections", Decision.IMPLICIT_DENY),
        ("s3:*", Decision.IMPLICIT_DENY),
    ],
)
def test_action(action: object, decision: Decision) -> None:
    assert evaluate(policy(statement("Allow", ARN, action)), ARN) is decision


def test_deny_wins_in_any_order() -> None:
    allow, deny = statement("Allow", "*"), statement("Deny", ARN)
    assert evaluate(policy(allow, deny), ARN) is Decision.EXPLICIT_DENY
    assert evaluate(policy(deny, allow), ARN) is Decision.EXPLICIT_DENY


def test_deny_of_another_method_does_not_matter() -> None:
    deny = statement("Deny", "arn:aws:execute-api:us-east-1:000000000000:abc123/live/POST/*")
    assert evaluate(policy(statement("Allow", "*"), deny), ARN) is Decision.ALLOW


def test_single_statement_need_not_be_a_list() -> None:
    assert evaluate({"Statement": statement("Allow", ARN)}, ARN) is Decision.ALLOW


def test_not_resource() -> None:
    deny = {"Effect": "Deny", "Action": "*", "NotResource": ARN}
    assert evaluate(policy(statement("Allow", "*"), deny), ARN) is Decision.ALLOW
    assert evaluate(policy(statement("Allow", "*"), deny), ARN + "/x") is Decision.EXPLICIT_DENY


def test_condition_counts_against_the_caller() -> None:
    condition = {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*", **condition}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", **condition}
    assert evaluate(policy(allow), ARN) is Decision.IMPLICIT_DENY
    assert evaluate(policy(statement("Allow", "*"), deny), ARN) is Decision.EXPLICIT_DENY


@pytest.mark.parametrize(
    "document",
    [
        None,
        "Allow",
        {},
        {"Statement": []},
        {"Statement": ["Allow"]},
        policy({"Effect": "allow", "Action": "*", "Resource": "*"}),
        policy({"Effect": "Allow", "Resource": "*"}),
        policy({"Effect": "Allow", "Action": "*"}),
        policy({"Effect": "Allow", "Action": "*", "Resource": {"a": 1}}),
        policy({"Effect": "Allow", "Action": "*", "Resource": [1]}),
    ],
)
def test_malformed_policy_is_refused(document: object) -> None:
    with pytest.raises(MalformedPolicyError):
        evaluate(document, ARN)
