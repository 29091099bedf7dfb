"""The environments that benchmarks run functions in."""

import json
from pathlib import Path

import psutil
import pytest
from tests.bench.environment import INTERPRETER, Environment, FunctionFailedError, Share

HANDLERS = """
import os, time

def echo(event, context):
    return event

def fail(event, context):
    raise ValueError("no such thing")

def end(event, context):
    os._exit(3)

def busy(event, context):
    started, used = time.perf_counter(), time.process_time()
    while time.perf_counter() - started < event["seconds"]:
        pass
    return (time.process_time() - used) / (time.perf_counter() - started)
"""
HOOKS = """
import snapshot_restore_py

called = []
snapshot_restore_py.register_before_snapshot(called.append, "before")
snapshot_restore_py.register_after_restore(called.append, "after")

def handler(event, context):
    return called
"""

pytestmark = pytest.mark.skipif(
    not INTERPRETER.exists(), reason="`localstack/supervisor install` makes the runtime"
)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "handlers.py").write_text(HANDLERS)
    (folder / "hooks.py").write_text(HOOKS)
    (folder / "broken.py").write_text("import nothing_of_that_name\n")
    return folder


def environment(code: Path, handler: str, **options: int | bool) -> Environment:
    return Environment(handler, variables={}, code=code, **options)  # type: ignore[arg-type]


def test_events_come_back_whole_one_after_the_other(code: Path) -> None:
    with environment(code, "handlers.echo") as running:
        assert running.init_seconds > 0
        for event in ({"number": 1}, {"text": "é" * 1_000_000}):
            answer = running.invoke(json.dumps(event).encode())
            assert answer.document == event
            assert not answer.is_error
            assert answer.seconds > 0
        pid = running.process.pid
    assert not psutil.pid_exists(pid)


def test_an_error_of_the_handler_is_its_answer(code: Path) -> None:
    with environment(code, "handlers.fail") as running:
        for _ in range(2):
            answer = running.invoke(b"{}")
            assert answer.is_error
            assert answer.document["errorMessage"] == "no such thing"


def test_a_module_that_cannot_be_imported_is_told_of(code: Path) -> None:
    with (
        pytest.raises(FunctionFailedError, match="nothing_of_that_name"),
        environment(code, "broken.handler"),
    ):
        pass


def test_a_process_that_ends_is_told_of(code: Path) -> None:
    with environment(code, "handlers.end") as running, pytest.raises(FunctionFailedError):
        running.invoke(b"{}")


def test_hooks_run_around_a_snapshot(code: Path) -> None:
    with environment(code, "hooks.handler", snap_start=True) as running:
        assert running.restore_seconds > 0
        assert running.invoke(b"{}").document == ["before", "after"]


def test_memory_bounds_the_cpu(code: Path) -> None:
    try:
        Share(512).close()
    except OSError as error:
        pytest.skip(f"control groups cannot be made here: {error}")
    with environment(code, "handlers.busy", memory_mb=512) as running:
        share = running.invoke(b'{"seconds": 1}').document
    # 512 of 1,769 MB, and what is left of the period that it begins in.
    assert share < 0.35
