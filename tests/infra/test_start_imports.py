"""What functions of routes import at their start: what every request needs, and nothing else."""

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict

import pytest
from infra import build
from infra.all_functions import FUNCTIONS
from infra.functions import AUTHORIZER
from infra.paths import BUILD, ROOT
from tests.infra.test_function_imports import VARIABLES

from quant_http import cold_start

STANDARD_LIBRARY = "the standard library"
OURS = "quant, quant_http and the function's own folder"
# Most modules of each package that may be loaded when a start ends. No other package may be.
BUDGETS = {
    STANDARD_LIBRARY: 232,
    OURS: 68,
    "annotated_doc": 2,
    "annotated_types": 1,
    "anyio": 15,
    "aws_lambda_powertools": 40,
    "cryptography": 2,  # what valkey asks for its version
    "fastapi": 43,
    "mangum": 12,
    "msgspec": 10,
    "opentelemetry": 30,  # what FastAPI could report to
    "orjson": 2,
    "pydantic": 45,
    "pydantic_core": 3,
    "starlette": 23,
    "typing_extensions": 1,
    "typing_inspection": 3,
    "valkey": 34,
}
ROUTES = sorted(name for name, needs in FUNCTIONS.items() if needs.serves_route)

# One process imports what all of them do, and a copy of it each function.
IMPORTS = """
import importlib, json, os, sys
import quant_http.cold_start, quant_http.app
from quant import lazy
for name in sys.argv[1:]:
    if not (child := os.fork()):
        importlib.import_module(name)
        loaded = sorted(sys.modules.keys() - lazy.waiting() - {"__main__"})
        print(json.dumps([name, loaded]), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{name} cannot be imported")
"""

COLLECTIONS = """
import gc, importlib, json, sys
def looked():
    return [generation["collections"] for generation in gc.get_stats()]
before = looked()
importlib.import_module(sys.argv[1])
print(json.dumps([before, looked(), gc.get_freeze_count()]))
"""


@pytest.fixture(scope="module")
def started() -> dict[str, list[str]]:
    """By function, the modules that are loaded when its start ends, with its own layers."""
    build.build("local")
    by_layers = defaultdict(list)
    for name in ROUTES:
        by_layers[tuple(sorted(FUNCTIONS[name].layers))].append(name)
    return dict(pair for layers, names in by_layers.items() for pair in _start(layers, names))


def _start(layers: tuple[str, ...], names: list[str]) -> list[tuple[str, list[str]]]:
    return [tuple(json.loads(line)) for line in _run(IMPORTS, layers, *names).splitlines()]


def _run(code: str, layers: tuple[str, ...], *names: str) -> str:
    """What code prints that runs as a function with these layers does."""
    folders = [ROOT / "functions", *(BUILD / "local/layers" / name / "python" for name in layers)]
    result = subprocess.run(
        # Without the packages of this environment.
        [sys.executable, "-S", "-c", code, *names],
        capture_output=True,
        text=True,
        check=False,
        env={
            **VARIABLES,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        },
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


@pytest.mark.parametrize("function", ROUTES)
def test_a_start_imports_what_is_budgeted(function: str, started: dict[str, list[str]]) -> None:
    by_package = defaultdict(list)
    for module in started[function]:
        by_package[_package(module, function)].append(module)
    over = [
        f"{package}: {len(modules)} modules, of {BUDGETS.get(package, 0)}: {', '.join(modules)}"
        for package, modules in by_package.items()
        if len(modules) > BUDGETS.get(package, 0)
    ]
    assert not over, (
        "\n".join(over)
        + "\nWhat only some requests need is put off: name our module that imports it in "
        "quant_http/cold_start.py (docs/adr/0030). What all need has its budget here."
    )


def _package(module: str, function: str) -> str:
    package = module.partition(".")[0]
    if package in {"quant", "quant_http", function.partition(".")[0]}:
        return OURS
    if package in sys.stdlib_module_names or package.startswith("_sysconfigdata"):
        return STANDARD_LIBRARY
    return package


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("function", [AUTHORIZER, "trades.list"])
def test_no_start_waits_for_the_collector(function: str) -> None:
    layers = FUNCTIONS[function].layers
    before, after, frozen = json.loads(_run(COLLECTIONS, layers, function))
    # Once in the modules that come before the collector is told to wait.
    assert sum(after) - sum(before) <= 1
    # Nor does the first request have it look through what the start has made.
    assert frozen > 20_000


@pytest.mark.parametrize("folder", sorted({name.partition(".")[0] for name in ROUTES}))
def test_a_start_is_prepared_before_anything_is_imported(folder: str) -> None:
    body = ast.parse((ROOT / "functions" / folder / "__init__.py").read_text()).body
    assert [ast.unparse(statement) for statement in body[1:]] == ["import quant_http.cold_start"]


def test_what_is_put_off_exists() -> None:
    for name in cold_start._DEFERRED:
        paths = [
            folder.joinpath(*name.split("."))
            for folder in (ROOT / "layers/quant/python", ROOT / "functions")
        ]
        assert any(path.is_dir() or path.with_suffix(".py").is_file() for path in paths), name
    assert list(cold_start._DEFERRED) == sorted(set(cold_start._DEFERRED))
