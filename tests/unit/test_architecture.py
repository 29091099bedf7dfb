"""The house rules that a reviewer would otherwise have to watch."""

import ast
import re
from pathlib import Path

import pytest

from quant.tiers import TIERS
from quant_http.routes import ROUTES

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = PROJECT / "layers" / "quant" / "python"
FUNCTIONS = PROJECT / "functions"


def imported(file):
    """Top-level names of the packages a module imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        (
            PACKAGES / "quant",
            {"quant_http", "fastapi", "starlette", "mangum", "aws_lambda_powertools"},
        ),
        (
            PACKAGES / "quant" / "analytics",
            {"sqlalchemy", "pg8000", "valkey", "boto3", "pydantic", "scipy", "pandas"},
        ),
        (PACKAGES / "quant" / "methods", {"numpy", "sqlalchemy", "pydantic"}),
        (PACKAGES / "quant_http", {"aws_cdk", *(path.name for path in FUNCTIONS.iterdir())}),
        (FUNCTIONS, {"aws_cdk", "infra", "supervisor"}),
        (PROJECT / "infra", {"fastapi", "sqlalchemy", "valkey", "pydantic"}),
        (PACKAGES / "quant" / "ml" / "serving", {"lightgbm", "mlflow", "scipy", "pandas"}),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_imports_go_one_way(folder, forbidden):
    # What containers run is read by the app as files.
    images = PROJECT / "infra" / "images"
    files = [file for file in folder.rglob("*.py") if not file.is_relative_to(images)]
    assert files
    wrong = [
        f"{file.relative_to(PROJECT)} imports {name}"
        for file in files
        for name in imported(file)
        if name in forbidden
    ]
    assert wrong == []


def test_analytics_know_nothing_else_of_the_domain():
    allowed = ("quant.analytics", "quant.stock_act")
    wrong = [
        f"{file.relative_to(PROJECT)} imports {node.module}"
        for file in (PACKAGES / "quant" / "analytics").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("quant")
        and not (node.module or "").startswith(allowed)
    ]
    assert wrong == []


def test_every_route_has_a_module_and_every_module_a_route():
    declared = {route.name for route in ROUTES}
    modules = {
        f"{file.parent.name}.{file.stem}"
        for file in FUNCTIONS.glob("*/*.py")
        if not file.stem.startswith("_") and "handler = app.handler" in file.read_text()
    }
    assert modules == declared


def test_paths_are_declared_once():
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def test_readme_shows_the_tier_table():
    rows = re.findall(
        r"^\| (\w+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$",
        (PROJECT / "README.md").read_text(),
        re.MULTILINE,
    )
    shown = {name: tuple(int(cell.replace(",", "")) for cell in cells) for name, *cells in rows}
    assert shown == {
        tier.name: (tier.requests_per_minute, tier.burst, tier.monthly_quota)
        for tier in TIERS.values()
    }


def test_readme_and_adr_index_link_to_files_that_exist():
    for document in (PROJECT / "README.md", PROJECT / "docs" / "adr" / "README.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
