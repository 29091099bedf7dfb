"""Functions of routes that are restored from a snapshot, in AWS's own runtime client."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from infra import build
from infra.all_functions import FUNCTIONS
from tests.bench.environment import INTERPRETER, Environment
from tests.bench.stores import new_database, stores
from tests.integration.conftest import rest_api_event

from quant.keys import KeyRing

# A handler that tells what the request to the real one has imported.
TELLING = """
import gc, importlib, os, sys
from quant import snapstart
real = importlib.import_module(os.environ["REAL"]).handler
seen = set()
snapstart.after_restore(lambda: seen.update(sys.modules))

def handler(event, context):
    return {
        "answer": real(event, context),
        "imported": sorted(sys.modules.keys() - seen),
        "collected_after": gc.get_threshold()[0],
        "frozen": gc.get_freeze_count(),
    }
"""
LOGIN = json.dumps({"email": "nobody@example.org", "password": "quartz lamp 17"}).encode()
CASES = {
    "admin.list_audit": (rest_api_event("/api/v1/admin/audit", {"limit": 5}), 200),
    "analytics.performance": (rest_api_event("/api/v1/analytics/performance"), 200),
    "auth.login": (
        rest_api_event(
            "/api/v1/auth/login",
            headers={"content-type": "application/json"},
            method="POST",
            body=LOGIN,
        ),
        401,
    ),
    "auth.me": (rest_api_event("/api/v1/auth/me"), 404),
    "stats.overview": (rest_api_event("/api/v1/stats/overview"), 200),
    "trades.list": (rest_api_event("/api/v1/trades", {"limit": 5}), 200),
}

pytestmark = pytest.mark.skipif(
    not INTERPRETER.exists(), reason="`localstack/supervisor install` makes the runtime"
)


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    build.build("local")
    with stores() as servers:
        database = new_database(servers.postgres, "snapshot", servers.passwords)
        servers.secrets["signing-key"] = KeyRing.generate().to_json()
        yield {
            **servers.variables(database),
            "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": "signing-key",
        }


@pytest.mark.parametrize("function", CASES)
def test_the_first_request_after_a_restore_finds_all_loaded(
    function: str, variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "telling.py").write_text(TELLING)
    event, status = CASES[function]
    with Environment(
        "telling.handler",
        variables={**variables, "REAL": function},
        layers=FUNCTIONS[function].layers,
        packages=[tmp_path],
        snap_start=True,
    ) as restored:
        runtime_alone = restored.sockets
        first = restored.invoke(json.dumps(event).encode()).document
    assert first["imported"] == []
    # What is loaded is not looked through for garbage, what requests leave is.
    assert first["frozen"] > 20_000
    assert first["collected_after"] == 2_000
    assert first["answer"]["statusCode"] == status
    assert runtime_alone == 1
