"""Stacks: small enough, after what they need, and free to lose what others use by name."""

import json
from pathlib import Path
from typing import Any

import pytest
from infra.functions import AREA_FUNCTIONS, Area, area_of
from infra_support import STACKS, Assembly, dummy_artefacts, synthesise

from quant_http.routes import ROUTES, Capability

# CloudFormation takes 500; the rest is for what comes.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_RESOURCES = 450
MOST_BYTES = 1_000_000


def _check_sizes(assembly: Assembly) -> None:
    for stack in STACKS:
        template = assembly.templates[stack]
        assert len(template["Resources"]) <= MOST_RESOURCES, stack
        assert len(json.dumps(template)) <= MOST_BYTES, stack


def test_stacks_stay_below_the_limits(assembly: Assembly) -> None:
    _check_sizes(assembly)


def test_stacks_stay_below_the_limits_with_preflights_and_a_domain(opened: Assembly) -> None:
    _check_sizes(opened)


def _dependencies(assembly: Assembly, stack: str) -> set[str]:
    manifest = json.loads(Path(assembly.folder, "manifest.json").read_text())
    return set(manifest["artifacts"][stack]["dependencies"]) & set(STACKS)


def test_the_api_comes_after_the_functions_it_calls(assembly: Assembly) -> None:
    areas = {area.capitalize() for area in Area}
    assert _dependencies(assembly, "Api") == {"Network", "Data", "Schema", *areas}
    for area in areas:
        assert _dependencies(assembly, area) == {"Network", "Data", "Schema"}


def test_nothing_is_imported_from_an_area(assembly: Assembly) -> None:
    """A function that is removed would else be held by the API that still imports it."""
    for area in Area:
        outputs: dict[str, Any] = assembly.templates[area.capitalize()].get("Outputs", {})
        assert not [name for name, output in outputs.items() if "Export" in output]


def test_what_must_know_the_apis_url_is_beside_it(assembly: Assembly) -> None:
    for route in ROUTES:
        mails = Capability.SEND_EMAIL in route.capabilities
        assert (assembly.stack_of(route.name) == "Api") is mails
        assert (area_of(route) is None) is mails
    assert sum(len(functions) for functions in AREA_FUNCTIONS.values()) == len(ROUTES) - 2


def test_the_deployment_changes_with_the_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a stage would go on serving a snapshot without the new method."""
    artefacts = dummy_artefacts(tmp_path / "artefacts")
    before = synthesise("dev", artefacts, tmp_path / "before")
    fewer = tuple(route for route in ROUTES if route.name != "stats.overview")
    monkeypatch.setattr("infra.stacks.api.ROUTES", fewer)
    after = synthesise("dev", artefacts, tmp_path / "after")
    [old] = before.resources("AWS::ApiGateway::Deployment")
    [new] = after.resources("AWS::ApiGateway::Deployment")
    assert old != new
    # What serves the other routes keeps its identity, hence its permissions and statistics.
    kept = before.templates["Api"]["Resources"].keys() & after.templates["Api"]["Resources"].keys()
    lost = before.templates["Api"]["Resources"].keys() - kept
    assert len(after.templates["Api"]["Resources"].keys() - kept) == 1
    assert len(lost) == 4  # the deployment; the route's resource, method and permission
