"""Requests generated from the served OpenAPI document, through the gateway."""

import os

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from quant_http.routes import ROUTES, route

pytestmark = pytest.mark.e2e

# API Gateway answers an undeclared method as an unknown route (404, not 405) and guards with a
# policy rather than per scheme, so those two checks of Schemathesis do not apply.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    positive_data_acceptance,
]
# More for a thorough run: QUANT_SCHEMA_EXAMPLES=500 pytest tests/e2e/test_schema.py
EXAMPLES = int(os.environ.get("QUANT_SCHEMA_EXAMPLES", "20"))
# Parameters that are refused beside others.
INSTEAD_OF = {
    lambda query: query.get("by") == "return": ("period", "disclosed_from", "disclosed_to"),
    lambda query: "period" in query: ("disclosed_from", "disclosed_to"),
    lambda query: "politicians" in query: ("most_active",),
}


@pytest.fixture(scope="session")
def document(local_cloud):
    return httpx.get(f"{local_cloud.url}/api/v1/openapi.json", timeout=30).raise_for_status().json()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_answers_conform_to_the_document(document, local_cloud, unthrottled, route, mode):
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=local_cloud.url)
    operation = schema[route.path][route.method]
    if mode is GenerationMode.NEGATIVE and not list(operation.iter_parameters()):
        pytest.skip("the route has no parameters to get wrong")
    # Nor can the document say which addresses, passwords and mailed tokens are good ones.
    checks = [
        check for check in CHECKS if not (operation.body and check is positive_data_acceptance)
    ]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        if mode is GenerationMode.POSITIVE:
            # The document cannot say which cursors were issued; no made-up one is. Nor can it say
            # which parameters stand for others, or that names in a list differ.
            case.query.pop("cursor", None)
            if named := case.query.get("politicians"):
                differing = dict.fromkeys([*named.split(","), "Z999998", "Z999999"])
                case.query["politicians"] = ",".join(list(differing)[: named.count(",") + 1])
            for given, others in INSTEAD_OF.items():
                if given(case.query):
                    for name in others:
                        case.query.pop(name, None)
        else:
            # Empty lists and objects leave nothing on the wire that could be refused.
            assume(not any(value in ([], {}, None) for value in (case.query or {}).values()))
        case.call_and_validate(
            headers={"Authorization": f"Bearer {unthrottled}"}, checks=checks, timeout=30
        )

    check()


@pytest.mark.parametrize(
    ("listed", "detail", "parameter"),
    [
        ("trades.list", "trades.detail", "trade_id"),
        ("politicians.list", "politicians.detail", "politician_id"),
    ],
)
def test_details_of_listed_things_conform(document, local_cloud, client, listed, detail, parameter):
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=local_cloud.url)
    operation = schema[route(detail).path]["GET"]
    for sort in operation_sorts(document, listed):
        rows = client.get(route(listed).path, params={"limit": 5, "sort": sort}).json()["data"]
        assert rows
        for row in rows:
            case = operation.Case(path_parameters={parameter: row["id"]})
            answer = case.call_and_validate(
                headers={"Authorization": client.headers["Authorization"]},
                checks=CHECKS,
                timeout=30,
            )
            assert answer.status_code == 200


def operation_sorts(document, name):
    """The sort orders a list offers, by its document."""
    (parameter,) = (
        parameter
        for parameter in document["paths"][route(name).path]["get"]["parameters"]
        if parameter["name"] == "sort"
    )
    schema = parameter["schema"]
    return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["enum"]


def test_document_is_valid_openapi(document):
    assert document["openapi"].startswith("3.1")
    validate(document)


def properties(document):
    for name, schema in document["components"]["schemas"].items():
        for field, definition in schema.get("properties", {}).items():
            yield f"{name}.{field}", definition


def test_every_field_has_an_example(document):
    # One that refers to another schema has the examples there.
    lacking = [
        name
        for name, definition in properties(document)
        if "examples" not in definition and "$ref" not in str(definition)
    ]
    assert lacking == []


def test_every_parameter_is_described(document):
    lacking = [
        f"{path} {parameter['name']}"
        for path, item in document["paths"].items()
        for operation in item.values()
        for parameter in operation.get("parameters", [])
        if not (parameter.get("description") or "$ref" in str(parameter["schema"]))
    ]
    assert lacking == []


def test_every_success_has_a_media_type(document):
    for path, item in document["paths"].items():
        for operation in item.values():
            successes = [status for status in operation["responses"] if status.startswith("2")]
            assert successes, path
            for status in successes:
                contents = operation["responses"][status].get("content", {})
                assert contents or status == "204", path
                for media_type, content in contents.items():
                    assert media_type != "application/json" or content, path


def test_every_error_is_a_problem_with_a_request_id(document):
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                assert "X-Request-Id" in response["headers"], f"{path} {status}"
                if int(status) >= 400:
                    (media_type,) = response["content"]
                    assert media_type == "application/problem+json", f"{path} {status}"
