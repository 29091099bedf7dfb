"""What API Gateway itself answers is a problem detail (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

import boto3
import pytest
from infra_support import Assembly

from quant.tiers import TIERS


def _answers(assembly: Assembly) -> dict[str, dict[str, Any]]:
    return {
        answer["ResponseType"]: answer
        for answer in assembly.properties("AWS::ApiGateway::GatewayResponse")
    }


def _header(answer: dict[str, Any], name: str) -> str | None:
    value: str | None = answer["ResponseParameters"].get(f"gatewayresponse.header.{name}")
    return value.strip("'") if value else None


def test_every_type_of_answer_is_declared(assembly: Assembly) -> None:
    client = boto3.client("apigateway", region_name="us-east-1")
    known = client.meta.service_model.shape_for("GatewayResponseType").enum
    assert set(_answers(assembly)) == set(known)


def test_answers_are_problem_details(assembly: Assembly) -> None:
    for kind, answer in _answers(assembly).items():
        [(media_type, template)] = answer["ResponseTemplates"].items()
        assert media_type == "application/json"  # of the template, not of the response
        body = json.loads(
            template.replace("$context.error.messageString", '"message"').replace(
                "$context.requestId", "id"
            )
        )
        status = HTTPStatus(int(answer["StatusCode"]))
        assert "$" not in json.dumps(body), kind
        assert set(body) == {"type", "title", "status", "detail", "request_id"}, kind
        assert (body["status"], body["title"]) == (status.value, status.phrase), kind
        assert body["type"] == "about:blank"
        assert _header(answer, "content-type") == "application/problem+json", kind


def test_server_errors_reveal_nothing(assembly: Assembly) -> None:
    for kind, answer in _answers(assembly).items():
        if int(answer["StatusCode"]) >= 500:
            assert "$context.error" not in answer["ResponseTemplates"]["application/json"], kind


def test_clients_are_told_when_to_come_back(assembly: Assembly) -> None:
    answers = _answers(assembly)
    for kind, answer in answers.items():
        expected = int(answer["StatusCode"]) in {429, 503, 504}
        assert (_header(answer, "retry-after") is not None) is expected, kind
    slowest = min(tier.requests_per_minute for tier in TIERS.values())
    assert _header(answers["THROTTLED"], "retry-after") == str(60 // slowest)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", "404"),
        ("INVALID_SIGNATURE", "404"),
        ("UNAUTHORIZED", "401"),
        ("ACCESS_DENIED", "403"),
        ("AUTHORIZER_FAILURE", "503"),
        ("THROTTLED", "429"),
        ("QUOTA_EXCEEDED", "429"),
        ("INTEGRATION_TIMEOUT", "504"),
        ("REQUEST_TOO_LARGE", "413"),
    ],
)
def test_status(assembly: Assembly, kind: str, status: str) -> None:
    assert _answers(assembly)[kind]["StatusCode"] == status


def test_unauthorized_names_the_scheme(assembly: Assembly) -> None:
    assert _header(_answers(assembly)["UNAUTHORIZED"], "www-authenticate") == "Bearer"
