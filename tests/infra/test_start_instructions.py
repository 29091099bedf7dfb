"""Instructions that starts take, beside those of what they replace; the same on a busy machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from infra import build
from infra.all_functions import FUNCTIONS
from infra.functions import AUTHORIZER
from infra.paths import BUILD, ROOT
from tests.infra.test_function_imports import VARIABLES

# What Lambda's python3.13 has besides Python, made by ``localstack/supervisor install``.
INTERPRETER = ROOT / ".local/envs/runtime/bin/python"
PEERS = ROOT / "tests/bench/peers"
# The most that a function may take of its peer's.
OF_NAIVE, OF_PYJWT = 0.5, 1.6
# One function of each layer, or with models of its own.
COMPARED = ("analytics.performance", "auth.login", "export.trades", "trades.list")

# One process imports what all of them do, and a copy of it, with its count, each function.
FORKS = """
import importlib, os
import awslambdaric.bootstrap, quant_http.cold_start, quant_http.app
for name in {names}:
    if not (child := os.fork()):
        importlib.import_module(name)
        print(os.getpid(), name, flush=True)
        break
    if os.waitpid(child, 0)[1]:
        raise ImportError(name)
"""
NAIVE = """
import awslambdaric.bootstrap
import boto3, jwt, valkey
from aws_lambda_powertools import Logger, Metrics
from fastapi import FastAPI
from mangum import Mangum
from sqlalchemy import create_engine
engine = create_engine("postgresql+pg8000://user:password@127.0.0.1/quant")
secrets = boto3.client("secretsmanager")
handler = Mangum(FastAPI(), lifespan="off")
"""

pytestmark = [
    pytest.mark.skipif(not shutil.which("valgrind"), reason="counting instructions needs Valgrind"),
    pytest.mark.skipif(
        not INTERPRETER.exists(), reason="Lambda's environment is not there: make test installs it"
    ),
]


@pytest.fixture(scope="module")
def instructions() -> dict[str, int]:
    """By function or peer, how many its start takes."""
    build.build("local")
    layers = {layer for name in COMPARED for layer in FUNCTIONS[name].layers}
    programs = {
        "functions": (FORKS.format(names=COMPARED), sorted(layers)),
        "naive": (NAIVE, ["quant", "api", "auth"]),
        "PyJWT": ("import awslambdaric.bootstrap, pyjwt_only", ["auth"]),
        AUTHORIZER: (f"import awslambdaric.bootstrap, {AUTHORIZER}", FUNCTIONS[AUTHORIZER].layers),
    }
    with ThreadPoolExecutor(2) as pool:
        counted = dict(zip(programs, pool.map(_count, programs.values()), strict=True))
    forks = counted.pop("functions")
    return {**{name: max(counts.values()) for name, counts in counted.items()}, **forks}


def _count(program: tuple[str, Sequence[str]]) -> dict[str, int]:
    """Instructions of a program's processes, by what each writes beside its id, or by that."""
    code, layers = program
    folders = [ROOT / "functions", PEERS, *(BUILD / "local/layers" / x / "python" for x in layers)]
    counted = subprocess.run(
        [
            *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
            *(str(INTERPRETER), "-P", "-c", code),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={
            **VARIABLES,
            "PATH": os.defpath,
            "HOME": "/nonexistent",
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            # Hashes of text, and so the work of dictionaries, are drawn anew by each process.
            "PYTHONHASHSEED": "0",
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        },
    )
    assert counted.returncode == 0, counted.stderr[-3000:]
    names = dict(line.split() for line in counted.stdout.splitlines())
    found = re.findall(r"==(\d+)== I +refs: +([\d,]+)", counted.stderr)
    return {names.get(process, process): int(count.replace(",", "")) for process, count in found}


@pytest.mark.parametrize("function", COMPARED)
def test_a_route_takes_half_of_naive_imports_at_most(
    function: str, instructions: dict[str, int]
) -> None:
    assert instructions[function] <= OF_NAIVE * instructions["naive"]


def test_the_authorizer_takes_little_more_than_what_verifies_tokens(
    instructions: dict[str, int],
) -> None:
    assert instructions[AUTHORIZER] <= OF_PYJWT * instructions["PyJWT"]
