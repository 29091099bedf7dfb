"""Templates of all environments, synthesised once per session from dummy handlers and layers."""

from collections.abc import Callable
from functools import cache

import pytest
from infra_support import Assembly, dummy_artefacts, synthesise


@pytest.fixture(scope="session")
def assemble(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assembly]:
    artefacts = dummy_artefacts(tmp_path_factory.mktemp("artefacts"))

    @cache
    def assemble(environment: str) -> Assembly:
        return synthesise(environment, artefacts, tmp_path_factory.mktemp(environment))

    return assemble


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Production with origins, hence one more method for each path, at a domain of its own."""
    return synthesise(
        "prod",
        dummy_artefacts(tmp_path_factory.mktemp("artefacts")),
        tmp_path_factory.mktemp("opened"),
        cors_origins="https://one.example,https://two.example",
        domain_name="api.quant.example",
        zone_id="Z0EXAMPLE",
        zone_name="quant.example",
    )


@pytest.fixture(scope="session", params=("local", "dev", "prod"))
def assembly(request: pytest.FixtureRequest, assemble: Callable[[str], Assembly]) -> Assembly:
    """Each environment in turn."""
    return assemble(request.param)


@pytest.fixture(scope="session", params=("dev", "prod"))
def aws_assembly(request: pytest.FixtureRequest, assemble: Callable[[str], Assembly]) -> Assembly:
    """Each environment on AWS in turn."""
    return assemble(request.param)
