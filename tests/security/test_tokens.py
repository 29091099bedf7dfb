"""Forged and stale access tokens, shown to the authorizer."""

import uuid

import pytest
from authorizer_support import AUDIENCE, ISSUER, authorizer, effect
from forged_tokens import EXPIRED, FORGERIES, Forger

__all__ = ["authorizer"]  # a fixture


@pytest.fixture
def forger(authorizer):
    return Forger(authorizer.key, ISSUER, AUDIENCE)


def test_the_forger_could_sign_a_valid_token(authorizer, forger):
    """Each forgery differs from this one in what it is named after."""
    assert authorizer.effect(forger.signed()) == "Allow"


@pytest.mark.parametrize("name", FORGERIES)
def test_forgery_is_denied(authorizer, forger, name):
    answer = authorizer.answer(FORGERIES[name](forger))
    assert effect(answer) == "Deny"
    assert answer["principalId"] == "unknown"
    assert not {"context", "usageIdentifierKey"} & answer.keys()


@pytest.mark.parametrize("name", EXPIRED)
def test_expired_token_is_unauthorized(authorizer, forger, name):
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.answer(EXPIRED[name](forger))


@pytest.mark.parametrize(
    "header",
    [
        "{token}",
        "Basic {token}",
        "Bearer",
        "Bearer ",
        "Bearer {token} {token}",
        "Bearer {token},Bearer {token}",
        "Bearer\u00a0{token}",
        "Bearer {token}\x00",
        "DPoP {token}",
    ],
)
def test_header_of_another_form_is_denied(authorizer, forger, header):
    value = header.replace("{token}", forger.signed())
    assert effect(authorizer.ask({"Authorization": value})) == "Deny"


@pytest.mark.parametrize("header", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_header_and_scheme_are_taken_in_any_case(authorizer, forger, header, scheme):
    assert effect(authorizer.ask({header: f"{scheme} {forger.signed()}"})) == "Allow"


def test_context_is_the_tokens_whatever_other_headers_say(authorizer):
    session_id = uuid.uuid4()
    token = authorizer.mint(session_id, subject="me", tier="free", scopes=["read"])
    answer = authorizer.ask(
        {
            "Authorization": f"Bearer {token}",
            "principalId": "somebody",
            "tier": "premium",
            "scope": "admin",
            "session_id": str(uuid.uuid4()),
            "x-amzn-authorizer-principalid": "somebody",
            "usageIdentifierKey": "premium",
        }
    )
    assert answer["principalId"] == "me"
    assert answer["context"]["tier"] == "free"
    assert answer["context"]["scope"] == "read"
    assert answer["context"]["session_id"] == str(session_id)
    assert answer["usageIdentifierKey"] == "key of free-arn"


def test_denial_covers_the_stage_and_no_other_api(authorizer):
    [statement] = authorizer.answer("nonsense")["policyDocument"]["Statement"]
    assert statement["Resource"].endswith(":api/local/*")


def test_log_of_a_refusal_does_not_repeat_the_token(authorizer, forger, caplog):
    caplog.set_level("DEBUG")
    token = forger.signed({"kid": "line\nbreak"})
    authorizer.answer(token)
    assert caplog.records
    for record in caplog.records:
        assert token not in record.getMessage()
        assert "\n" not in record.getMessage()
