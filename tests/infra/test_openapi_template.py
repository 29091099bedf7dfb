"""The OpenAPI document and the template describe the same API."""

from typing import Any

import pytest
from infra_support import PROJECT, Assembly

from quant_http.openapi import merged
from quant_http.routes import ROUTES, Access

Operation = tuple[str, str]

PUBLIC = {(route.method, route.path) for route in ROUTES if route.access is Access.PUBLIC}


@pytest.fixture(scope="module")
def operations() -> dict[Operation, dict[str, Any]]:
    """Return the operations of the document by verb and path."""
    document = merged(PROJECT / "functions")
    return {
        (verb.upper(), path): operation
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }


def test_each_operation_has_one_method_and_each_method_one_operation(
    assembly: Assembly, operations: dict[Operation, dict[str, Any]]
) -> None:
    methods = set(assembly.methods())
    assert len(methods) > 50
    assert set(operations) == methods


def test_what_the_document_calls_open_is_open_and_nothing_else(
    assembly: Assembly, operations: dict[Operation, dict[str, Any]]
) -> None:
    for operation, method in assembly.methods().items():
        secured = operations[operation]["security"] == [{"accessToken": []}]
        # Not "unless it says otherwise": an operation without any requirement would be open.
        assert secured or operations[operation]["security"] == [], operation
        assert (method["AuthorizationType"] == "CUSTOM") is secured, operation
        assert ("AuthorizerId" in method) is secured, operation
        assert bool(method.get("ApiKeyRequired")) is secured, operation
        assert (operation in PUBLIC) is not secured, operation
