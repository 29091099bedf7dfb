"""The runtime executor with real function processes."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from localstack.services.lambda_.invocation.lambda_models import InvocationResult

from quant_localstack.runtime.executor import ProcessRuntimeExecutor

Start = Callable[..., ProcessRuntimeExecutor]


def archive(path: Path) -> SimpleNamespace:
    return SimpleNamespace(get_unzipped_code_location=lambda: path, prepare_for_execution=id)


@pytest.fixture
def start(tmp_path: Path, lambda_python: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start an execution environment for a function's source."""
    monkeypatch.setenv("QUANT_LAMBDA_PYTHON", lambda_python)
    started: list[ProcessRuntimeExecutor] = []

    def run(
        source: str,
        *,
        timeout: int = 10,
        memory: int = 256,
        layers: list[Path] | None = None,
        env: dict[str, str] | None = None,
    ) -> ProcessRuntimeExecutor:
        code = tmp_path / f"code{len(started)}"
        code.mkdir()
        (code / "index.py").write_text(textwrap.dedent(source))
        version: Any = SimpleNamespace(
            id=SimpleNamespace(qualifier="$LATEST", function_name="f"),
            config=SimpleNamespace(
                timeout=timeout,
                memory_size=memory,
                handler="index.handler",
                runtime="python3.13",
                tracing_config_mode="Active",
                code=archive(code),
                layers=[SimpleNamespace(code=archive(path)) for path in layers or []],
            ),
        )
        executor = ProcessRuntimeExecutor(uuid.uuid4().hex, version)
        started.append(executor)
        executor.start({"_HANDLER": "index.handler", "AWS_REGION": "us-east-1", **(env or {})})
        return executor

    yield run
    for executor in started:
        executor.stop()


def invoke(executor: ProcessRuntimeExecutor, event: object = None) -> InvocationResult:
    return executor.invoke(
        {
            "invoke-id": str(uuid.uuid4()),
            "invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:f:live",
            "trace-id": "Root=1-0-0",
            "payload": json.dumps(event),
        }
    )


def answer(result: InvocationResult) -> Any:
    assert not result.is_error, result.payload
    return json.loads(result.payload)


def error(result: InvocationResult) -> Any:
    assert result.is_error, result.payload
    return json.loads(result.payload)


def gone(pid: int) -> bool:
    """Wait for the end of a process; it may remain as a zombie."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


PID = "import os\ndef handler(event, context):\n    return os.getpid()\n"


def test_event_context_and_answer(start: Start) -> None:
    executor = start(
        """
        def handler(event, context):
            left = context.get_remaining_time_in_millis()
            return [event, context.invoked_function_arn, context.aws_request_id, 0 < left <= 7000]
        """,
        timeout=7,
    )
    result = invoke(executor, {"a": "ü"})
    assert answer(result) == [
        {"a": "ü"},
        "arn:aws:lambda:us-east-1:000000000000:function:f:live",
        result.request_id,
        True,
    ]


def test_process_is_kept_between_events(start: Start) -> None:
    executor = start(PID)
    assert answer(invoke(executor)) == answer(invoke(executor))


def test_environment_is_the_function_s_own(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_SECRET", "x")
    executor = start(
        """
        import os, tempfile
        def handler(event, context):
            with tempfile.NamedTemporaryFile() as scratch:
                private = scratch.name.startswith(os.environ["TMPDIR"])
            return {"env": dict(os.environ), "cwd": os.getcwd(), "private": private}
        """,
        env={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "OWN": "1"},
    )
    seen = answer(invoke(executor))
    assert seen["private"]
    assert seen["cwd"] == seen["env"]["LAMBDA_TASK_ROOT"]
    assert seen["env"]["OWN"] == "1"
    assert seen["env"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert seen["env"]["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert "HOST_SECRET" not in seen["env"]
    assert seen["env"]["HOME"] != os.path.expanduser("~")


def test_environments_do_not_share_scratch_space(start: Start) -> None:
    source = "import os\ndef handler(event, context):\n    return os.environ['TMPDIR']\n"
    scratch = [answer(invoke(start(source))) for _ in range(2)]
    assert scratch[0] != scratch[1]


def test_layers_come_after_the_code_and_later_ones_hide_earlier_ones(
    start: Start, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for root, folder in [(first, "python"), (second, "python/lib/python3.13/site-packages")]:
        (root / folder).mkdir(parents=True)
        (root / folder / "shared.py").write_text(f"NAME = {root.name!r}")
        (root / folder / f"only_{root.name}.py").write_text("")
        (root / folder / "index.py").write_text("raise RuntimeError")
    executor = start(
        """
        import only_first, only_second, shared
        def handler(event, context):
            return shared.NAME
        """,
        layers=[first, second],
    )
    assert answer(invoke(executor)) == "second"


def test_logs_have_the_output_between_start_and_end(start: Start) -> None:
    executor = start(
        """
        import sys
        print("loading")
        def handler(event, context):
            print("one")
            sys.stderr.write("two")
        """
    )
    first, second = invoke(executor), invoke(executor)
    lines = (first.logs or "").splitlines()
    assert lines[0] == f"START RequestId: {first.request_id} Version: $LATEST"
    assert lines[1:-2] == ["loading", "one", "two"]
    assert lines[-2] == f"END RequestId: {first.request_id}"
    assert lines[-1].startswith(f"REPORT RequestId: {first.request_id}\tDuration: ")
    assert "Init Duration: " in lines[-1]
    lines = (second.logs or "").splitlines()
    assert lines[1:-2] == ["one", "two"]
    assert "Init Duration: " not in lines[-1]


def test_handler_exception_keeps_the_process(start: Start) -> None:
    executor = start(
        """
        import os
        def handler(event, context):
            if event:
                raise ValueError("no")
            return os.getpid()
        """
    )
    pid = answer(invoke(executor))
    failure = error(invoke(executor, 1))
    assert (failure["errorType"], failure["errorMessage"]) == ("ValueError", "no")
    assert answer(invoke(executor)) == pid


def test_timeout_kills_the_process_group(start: Start) -> None:
    executor = start(
        """
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        def handler(event, context):
            if event:
                print("going to sleep")
                time.sleep(600)
            return [os.getpid(), child.pid]
        """,
        timeout=1,
    )
    pids = answer(invoke(executor))
    result = invoke(executor, 1)
    assert error(result) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": (
            f"RequestId: {result.request_id} Error: Task timed out after 1.00 seconds"
        ),
    }
    assert "going to sleep\n" in (result.logs or "")
    assert "Task timed out after 1.00 seconds\n" in (result.logs or "")
    assert all(gone(pid) for pid in pids)
    assert answer(invoke(executor))[0] not in pids


def test_exit_during_an_event(start: Start) -> None:
    executor = start(
        """
        import os
        def handler(event, context):
            if event is not None:
                os._exit(event)
            return os.getpid()
        """
    )
    pid = answer(invoke(executor))
    result = invoke(executor, 3)
    assert error(result) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": (
            f"RequestId: {result.request_id} Error: Runtime exited with error: exit status 3"
        ),
    }
    assert answer(invoke(executor)) != pid
    without_reason = error(invoke(executor, 0))
    assert without_reason["errorMessage"].endswith("Runtime exited without providing a reason")


def test_exit_between_events_goes_unnoticed(start: Start) -> None:
    executor = start(PID)
    pid = answer(invoke(executor))
    os.kill(pid, signal.SIGKILL)
    # A zombie is not yet waitable while threads of it are still ending.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert answer(invoke(executor)) != pid


def test_failed_initialisation_is_the_function_s_error(start: Start, tmp_path: Path) -> None:
    marker = tmp_path / "configured"
    executor = start(
        f"""
        import os
        print("loading")
        if not os.path.exists({str(marker)!r}):
            raise ValueError("no configuration")
        def handler(event, context):
            return "fine"
        """
    )
    result = invoke(executor)
    failure = error(result)
    assert (failure["errorType"], failure["errorMessage"]) == ("ValueError", "no configuration")
    assert "loading" in (result.logs or "").splitlines()
    marker.touch()
    assert answer(invoke(executor)) == "fine"


def test_missing_module_is_an_import_error(start: Start) -> None:
    failure = error(invoke(start("import no_such_module")))
    assert failure["errorType"] == "Runtime.ImportModuleError"


def test_exit_during_initialisation(start: Start) -> None:
    failure = error(invoke(start("import os\nos._exit(7)")))
    assert failure["errorType"] == "Runtime.ExitError"
    assert failure["errorMessage"].endswith("exit status 7")


def test_initialisation_may_use_the_function_s_time(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quant_localstack.runtime.executor.INIT_SECONDS", 0.0)
    slow = "import time\ntime.sleep({})\ndef handler(event, context):\n    return 1\n"
    assert answer(invoke(start(slow.format(1)))) == 1
    assert error(invoke(start(slow.format(600), timeout=1)))["errorType"] == "Sandbox.Timedout"


def test_memory_limit(start: Start) -> None:
    executor = start(
        """
        import os, time
        def handler(event, context):
            if event:
                hog = bytearray(os.urandom(1 << 20)) * event
                time.sleep(600)
            return os.getpid()
        """,
        memory=128,
    )
    pid = answer(invoke(executor))
    failure = error(invoke(executor, 200))
    assert failure["errorType"] == "Runtime.OutOfMemory"
    assert gone(pid)
    assert answer(invoke(executor)) != pid


def test_stop_ends_the_process_and_may_be_repeated(start: Start) -> None:
    executor = start(PID)
    pid = answer(invoke(executor))
    executor.stop()
    executor.stop()
    assert gone(pid)
    assert error(invoke(executor))["errorType"] == "Runtime.ExitError"


PARENT = """
import sys, threading, time
sys.path.insert(0, {tests!r})
from pathlib import Path
import test_executor

def run():
    executor = test_executor.ProcessRuntimeExecutor("id", version)
    executor.start({{"_HANDLER": "index.handler"}})
    print(test_executor.answer(test_executor.invoke(executor)), flush=True)
    keep.append(executor)

keep = []
S = test_executor.SimpleNamespace
version = S(
    id=S(qualifier="$LATEST", function_name="f"),
    config=S(timeout=10, memory_size=256, handler="index.handler", runtime="python3.13",
             tracing_config_mode="Active", code=test_executor.archive(Path({code!r})), layers=[]),
)
thread = threading.Thread(target=run)
thread.start()
thread.join()
sys.stdin.readline()
print(test_executor.answer(test_executor.invoke(keep[0])), flush=True)
time.sleep(60)
"""


def test_killed_parent_leaves_no_function_behind(tmp_path: Path, lambda_python: str) -> None:
    (tmp_path / "index.py").write_text(PID)
    script = PARENT.format(tests=str(Path(__file__).parent), code=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "QUANT_LAMBDA_PYTHON": lambda_python},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        try:
            pid = int(parent.stdout.readline())
            # The thread that started the environment has ended, which must not end the process.
            print(file=parent.stdin, flush=True)
            assert int(parent.stdout.readline()) == pid
        finally:
            parent.kill()
    assert gone(pid)
