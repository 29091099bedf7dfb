"""Preflight requests: answered by API Gateway, for the origins of the settings alone."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from infra_support import Assembly, dummy_artefacts, synthesise

from quant_http.cors import ALLOWED_HEADERS
from quant_http.routes import ROUTES


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return dummy_artefacts(tmp_path_factory.mktemp("cors"))


@pytest.fixture(
    scope="module",
    params=[("https://one.example",), ("https://one.example", "https://two.example")],
)
def origins(request: pytest.FixtureRequest) -> Sequence[str]:
    origins: Sequence[str] = request.param
    return origins


@pytest.fixture(scope="module")
def opened(
    artefacts: Any, origins: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> Assembly:
    folder: Path = tmp_path_factory.mktemp("opened")
    return synthesise("prod", artefacts, folder, cors_origins=",".join(origins))


def _preflights(assembly: Assembly) -> Iterator[dict[str, Any]]:
    for method in assembly.properties("AWS::ApiGateway::Method"):
        if method["HttpMethod"] == "OPTIONS":
            yield method


def _headers(method: dict[str, Any]) -> dict[str, str]:
    [response] = method["Integration"]["IntegrationResponses"]
    return {
        name.rsplit(".", 1)[1]: value.strip("'")
        for name, value in response["ResponseParameters"].items()
    }


def test_every_resource_answers_preflights_itself(opened: Assembly) -> None:
    preflights = list(_preflights(opened))
    assert len(preflights) == len({route.path for route in ROUTES})
    for method in preflights:
        assert method["AuthorizationType"] == "NONE"
        assert method["Integration"]["Type"] == "MOCK"
        assert _headers(method)["Access-Control-Allow-Headers"] == ",".join(ALLOWED_HEADERS)
        assert _headers(method)["Vary"] == "Origin"


def test_preflights_allow_the_methods_of_the_path(opened: Assembly) -> None:
    allowed = sorted(
        _headers(method)["Access-Control-Allow-Methods"] for method in _preflights(opened)
    )
    paths: dict[str, list[str]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, []).append(route.method)
    assert allowed == sorted(",".join(methods) for methods in paths.values())


def test_named_origins_are_allowed_and_never_all(opened: Assembly, origins: Sequence[str]) -> None:
    for method in _preflights(opened):
        assert _headers(method)["Access-Control-Allow-Origin"] == origins[0]
        [response] = method["Integration"]["IntegrationResponses"]
        for other in origins[1:]:
            assert other in response["ResponseTemplates"]["application/json"]


def test_functions_are_told_the_origins(opened: Assembly, origins: Sequence[str]) -> None:
    for route in ROUTES:
        _, function = opened.function(route.name)
        assert json.loads(function["Environment"]["Variables"]["QUANT_CORS_ORIGINS"]) == list(
            origins
        )


def test_without_origins_there_is_no_preflight(assembly: Assembly) -> None:
    assert not list(_preflights(assembly))
    for function in assembly.functions().values():
        assert "QUANT_CORS_ORIGINS" not in function["Environment"]["Variables"]
