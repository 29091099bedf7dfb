"""The drawing on the architecture page is what the templates of production say."""

import os
import re
from collections.abc import Callable

from infra.diagram import diagram
from infra_support import PROJECT, Assembly

PAGE = PROJECT / "docs" / "architecture.md"
_DRAWING = re.compile(r"(?<=<!-- drawing: begin -->\n).*(?=<!-- drawing: end -->)", re.DOTALL)
# More would not be read.
MOST_NODES = 45


def test_drawing_is_of_the_templates(assemble: Callable[[str], Assembly]) -> None:
    assembly = assemble("prod")
    drawn = diagram(assembly.templates, assembly.config.name(""))
    block = f"```mermaid\n{drawn}\n```\n"
    page = PAGE.read_text()
    if os.environ.get("QUANT_WRITE_SNAPSHOT"):
        page = _DRAWING.sub(lambda _: block, page)
        PAGE.write_text(page)
    found = _DRAWING.search(page)
    assert found
    assert found.group() == block, "the stacks have changed: run `make snapshot`"


def test_drawing_can_be_read(assemble: Callable[[str], Assembly]) -> None:
    assembly = assemble("prod")
    lines = diagram(assembly.templates, assembly.config.name("")).splitlines()
    nodes = {
        line.split("(")[0].split("[")[0].split("{")[0].strip()
        for line in lines
        if "-->" not in line
    }
    edges = [re.fullmatch(r"  (\w+) -->\|[\w, ]+\| (\w+)", line) for line in lines if "-->" in line]
    assert all(edges)
    assert {end for edge in edges if edge for end in edge.groups()} <= nodes
    assert len(nodes) <= MOST_NODES + len(assembly.templates)


def test_drawing_shows_how_the_parts_meet(assemble: Callable[[str], Assembly]) -> None:
    """References that the drawing must find, each of another kind."""
    assembly = assemble("prod")
    drawn = diagram(assembly.templates, assembly.config.name(""))
    for edge in (
        "Api_ApiRest -->|asks| Api_authorizer",  # by an authorizer's URI
        "Api_ApiRest -->|invokes| Disclosures_routes",  # by a name
        "Data_RawBucket -->|tells| Data_ParseQueue",  # by a notification
        "Data_ParseQueue -->|feeds| Pipeline_pipeline",  # by an event source
        "Data_Bus -->|routes to| Data_AlertsQueue",  # by a rule
        "Ml_TrainingMachine -->|invokes| Ml_ml",  # by a grant
        "schedules -->|start| Ml_TrainingMachine",  # by a schedule
    ):
        assert edge in drawn, edge
