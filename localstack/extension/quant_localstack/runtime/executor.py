"""A LocalStack runtime executor that runs Python functions as processes of this machine.

The life cycle follows AWS's: initialise within 10 s or else within the function's timeout, then
one event after the other; whatever ends the process (timeout, exit, memory) resets the environment
and the next event initialises it again.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import json
import logging
import math
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import override

from localstack.aws.api.lambda_ import TracingMode
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import (
    LambdaRuntimeException,
    RuntimeExecutor,
)

from quant_localstack.runtime.api import Invocation
from quant_localstack.runtime.sandbox import Sandbox, layer_paths
from quant_localstack.telemetry.collector import collector
from quant_localstack.telemetry.traces import FunctionSegments

LOG = logging.getLogger(__name__)

INTERPRETER_VARIABLE = "QUANT_LAMBDA_PYTHON"
INIT_SECONDS = 10.0
POLL_SECONDS = 0.05
MIB = 1024 * 1024


class FunctionError(Exception):
    """A failure the invoker sees as AWS's error payload, a JSON object."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type

    def payload(self) -> bytes:
        """What the invoker receives."""
        return json.dumps({"errorType": self.error_type, "errorMessage": str(self)}).encode()


class InitError(FunctionError):
    """The runtime itself reported why it could not load the function."""

    def __init__(self, reported: bytes) -> None:
        super().__init__("Runtime.InitError", "initialisation failed")
        self.reported = reported

    @override
    def payload(self) -> bytes:
        return self.reported


class ProcessRuntimeExecutor(RuntimeExecutor):
    """One execution environment; LocalStack sends it one event at a time."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002
        super().__init__(id, function_version)
        self._environment: dict[str, str] = {}
        self._sandbox: Sandbox | None = None
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._scratch = Path(tempfile.mkdtemp(prefix="quant-lambda-tmp-"))
        self._init_started = 0.0
        self._init_seconds = 0.0
        self._output = ""

    # RuntimeExecutor

    @override
    def start(self, env_vars: dict[str, str]) -> None:
        """Start the process and wait for its initialisation, at most 10 s.

        A failed initialisation is no failure of this method: the first event reports it.
        """
        self._environment = {name: str(value) for name, value in env_vars.items()}
        self._environment["AWS_XRAY_DAEMON_ADDRESS"] = collector().address
        self._environment["AWS_EXECUTION_ENV"] = (
            f"AWS_Lambda_{self.function_version.config.runtime}"
        )
        sandbox = self._launch()
        deadline = time.monotonic() + INIT_SECONDS
        while time.monotonic() < deadline and not self._stopped.is_set():
            if self._init_ended(sandbox, POLL_SECONDS):
                return

    @override
    def stop(self) -> None:
        self._stopped.set()
        with self._lock:
            self._reset()
            shutil.rmtree(self._scratch, ignore_errors=True)

    @override
    def get_address(self) -> str:
        return "127.0.0.1"

    @override
    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    @override
    def get_runtime_endpoint(self) -> str:
        """Only the agent LocalStack puts into containers would call it."""
        return "http://127.0.0.1"

    @override
    def get_logs(self) -> str:
        """Output since the end of the last event."""
        with self._lock:
            if self._sandbox is not None:
                self._output += self._sandbox.take_output()
            return self._output

    @classmethod
    @override
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()
        for layer in function_version.config.layers or []:
            layer.code.prepare_for_execution()

    @classmethod
    @override
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """LocalStack removes the code it has extracted itself."""

    @classmethod
    @override
    def validate_environment(cls) -> bool:
        if not os.access(os.environ.get(INTERPRETER_VARIABLE, ""), os.X_OK):
            LOG.warning("%s must name a Python interpreter", INTERPRETER_VARIABLE)
            return False
        return True

    @override
    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Have the function process one event; the result's ``logs`` are AWS's lines."""
        request_id = payload["invoke-id"]
        timeout = float(self.function_version.config.timeout)
        version = self.function_version.id.qualifier
        log = [f"START RequestId: {request_id} Version: {version}"]
        started = time.monotonic()
        segments = FunctionSegments(
            payload["trace-id"],
            active=self.function_version.config.tracing_config_mode == TracingMode.Active,
        )
        invocation = Invocation(
            request_id=request_id,
            event=payload["payload"].encode(),
            function_arn=payload["invoked-function-arn"],
            trace_id=segments.header,
            deadline=time.time() + timeout,
        )
        sandbox = None
        try:
            with self._lock:
                if self._stopped.is_set():
                    raise FunctionError(
                        "Runtime.ExitError",
                        f"RequestId: {request_id} Error: execution environment stopped",
                    )
                if self._sandbox is not None and self._sandbox.ended_idle:
                    self._reset()
                sandbox = self._sandbox or self._launch()
            self._await_init(sandbox, request_id, started, timeout)
            sandbox.api.submit(invocation)
            self._await_result(sandbox, invocation, started, timeout)
            body, is_error = invocation.payload, invocation.is_error
        except FunctionError as failure:
            body, is_error = failure.payload(), True
            if not isinstance(failure, InitError):
                log.append(str(failure))
        seconds = min(time.monotonic() - started, timeout)
        peak = 0
        if sandbox is not None:
            sandbox.memory()
            peak = sandbox.peak_memory
        log[1:1] = self._take_output(sandbox).splitlines()
        if sandbox is not None and (sandbox.returncode is not None or not invocation.done.is_set()):
            with self._lock:
                self._reset()
        log.append(f"END RequestId: {request_id}")
        segments.end(
            name=self.function_version.id.function_name,
            arn=payload["invoked-function-arn"],
            request_id=request_id,
            init_seconds=self._init_seconds,
            is_error=is_error,
        )
        log.append("\t".join([self._report(request_id, seconds, peak), *segments.report]))
        return InvocationResult(
            request_id=request_id, payload=body, is_error=is_error, logs="\n".join(log) + "\n"
        )

    # Process

    def _launch(self) -> Sandbox:
        interpreter = os.environ.get(INTERPRETER_VARIABLE)
        if not interpreter:
            raise LambdaRuntimeException(f"{INTERPRETER_VARIABLE} is not set")
        config = self.function_version.config
        if config.code is None or not config.handler:
            raise LambdaRuntimeException("only functions packaged as archives can run as processes")
        # At AWS they are unpacked over each other: what is in two is found in the later one.
        # https://docs.aws.amazon.com/lambda/latest/dg/adding-layers.html
        layers = [
            path
            for layer in reversed(config.layers or [])
            for path in layer_paths(Path(layer.code.get_unzipped_code_location()))
        ]
        with self._lock:
            if self._stopped.is_set():
                raise LambdaRuntimeException("execution environment stopped")
            self._init_started = time.monotonic()
            self._init_seconds = 0.0
            self._sandbox = Sandbox(
                interpreter=interpreter,
                handler=self._environment.get("_HANDLER", config.handler),
                code=Path(config.code.get_unzipped_code_location()),
                python_path=layers,
                environment=self._environment,
                scratch=self._scratch,
            )
            return self._sandbox

    def _reset(self) -> None:
        if self._sandbox is not None:
            self._output += self._sandbox.close()
            self._sandbox = None

    def _take_output(self, sandbox: Sandbox | None) -> str:
        """All output not yet attributed to an event, that of the initialisation included."""
        with self._lock:
            output, self._output = self._output, ""
            if sandbox is not None and sandbox is self._sandbox:
                output += sandbox.take_output()
            return output

    def _init_ended(self, sandbox: Sandbox, seconds: float) -> bool:
        if sandbox.api.ready.is_set():
            return True
        if sandbox.api.ready.wait(seconds):
            self._init_seconds = time.monotonic() - self._init_started
            return True
        return sandbox.returncode is not None

    def _await_init(
        self, sandbox: Sandbox, request_id: str, started: float, timeout: float
    ) -> None:
        while not self._init_ended(sandbox, POLL_SECONDS):
            self._check(sandbox, request_id, started, timeout)
        if sandbox.api.ready.is_set():
            return
        if sandbox.api.init_error is not None:
            raise InitError(sandbox.api.init_error)
        raise self._exit_failure(sandbox, request_id)

    def _await_result(
        self, sandbox: Sandbox, invocation: Invocation, started: float, timeout: float
    ) -> None:
        while not invocation.done.wait(POLL_SECONDS):
            self._check(sandbox, invocation.request_id, started, timeout)
            if sandbox.returncode is not None and not invocation.done.is_set():
                raise self._exit_failure(sandbox, invocation.request_id)

    def _check(self, sandbox: Sandbox, request_id: str, started: float, timeout: float) -> None:
        """Raise if the process has used up its time or its memory; it is then dead."""
        limit = self.function_version.config.memory_size * MIB
        if sandbox.memory() > limit:
            sandbox.kill()
            raise FunctionError(
                "Runtime.OutOfMemory",
                f"RequestId: {request_id} Error: Runtime exited with error: signal: killed",
            )
        if time.monotonic() - started >= timeout:
            sandbox.kill()
            raise FunctionError(
                "Sandbox.Timedout",
                f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds",
            )

    @staticmethod
    def _exit_failure(sandbox: Sandbox, request_id: str) -> FunctionError:
        code = sandbox.returncode
        if code == 0:
            reason = "Runtime exited without providing a reason"
        elif code is not None and code < 0:
            reason = f"Runtime exited with error: signal: {-code}"
        else:
            reason = f"Runtime exited with error: exit status {code}"
        return FunctionError("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")

    def _report(self, request_id: str, seconds: float, peak: int) -> str:
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {seconds * 1000:.2f} ms",
            f"Billed Duration: {math.ceil(seconds * 1000)} ms",
            f"Memory Size: {self.function_version.config.memory_size} MB",
            f"Max Memory Used: {math.ceil(peak / MIB)} MB",
        ]
        if self._init_seconds:
            fields.append(f"Init Duration: {self._init_seconds * 1000:.2f} ms")
            self._init_seconds = 0.0
        return "\t".join(fields)
