"""Each number has a method, each method is described, and answers name no other."""

import ast
import re
from pathlib import Path

import pytest

from quant.methods import Method
from quant.methods.registry import all_methods

PROJECT = Path(__file__).resolve().parents[2]
PAGES = PROJECT / "docs" / "methods"
PACKAGES = PROJECT / "layers" / "quant" / "python" / "quant"
METHODS = all_methods()
AREAS = sorted({method.area for method in METHODS.values()})


def test_methods_are_of_all_areas():
    expected = {
        "anomalies",
        "backtest",
        "ensemble",
        "patterns",
        "performance",
        "relations",
        "stats",
    }
    assert expected <= set(AREAS)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_method_says_what_a_statistician_asks(method: Method):
    assert method.estimates.endswith(".")
    assert method.estimator
    assert method.limits
    assert method.sources
    for source in method.sources:
        assert source.url is None or source.url.startswith("https://")
        assert re.search(r"\(\d{4}|U\.S\.C\.|Rule|data library", source.citation), source.citation
    # A p-value needs both: what it is about, and how many were tested.
    assert (method.null is None) == (method.multiple_testing is None)


@pytest.mark.parametrize("area", AREAS)
def test_a_page_describes_the_methods_of_its_area_and_no_other(area: str):
    page = (PAGES / f"{area}.md").read_text()
    named = set(re.findall(rf"`({area}\.[a-z_]+)`", page))
    declared = {method.id for method in METHODS.values() if method.area == area}
    assert named == declared


def test_the_index_links_to_each_page():
    index = (PAGES / "README.md").read_text()
    assert set(AREAS) <= {
        link.removesuffix(".md") for link in re.findall(r"\]\((\w+\.md)\)", index)
    }


def test_reports_name_declared_methods_only():
    """No report writes an identifier by hand."""
    pattern = re.compile(rf"({'|'.join(AREAS)})\.[a-z_]+")
    for file in (PACKAGES / "reports").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not pattern.fullmatch(node.value), f"{file.name}: {node.value}"
