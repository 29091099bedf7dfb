"""Commands the supervisor runs, each with a log of its own."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from supervisor.servers import tail
from supervisor.state import PROJECT

# Logs get Python's own tracebacks, not Typer's boxes with the values of variables.
_PLAIN = {"TYPER_STANDARD_TRACEBACK": "1", "NO_COLOR": "1"}

_TRACEBACKS = ("Traceback (most recent call last)", "╭")
_FRAMES = (" ", "│", "╰")
_LINKS = {
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
}
_LINES_SHOWN = 15


class StepError(Exception):
    """A step failed; the message says how and ends with the relevant part of the log."""


class StepTimeoutError(StepError):
    """A step was ended since it took too long."""


class Commands:
    """Runs commands in the project folder, from several threads, until cancelled.

    Args:
        logs: folder for ``<step>.log``.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._cancelled = False
        self._begun: set[str] = set()

    def run(
        self,
        step: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        *,
        secret_output: bool = False,
    ) -> str:
        """Run one command and return what it wrote to standard output.

        Args:
            step: names the log, which commands of the same step share.
            command: program and arguments.
            environment: variables beside the caller's.
            secret_output: keep standard output out of the log.

        Raises:
            StepError: the program is missing or failed, or ``cancel`` was called.
        """
        with self._process(step, command, environment) as (process, log):
            output, _ = process.communicate()
            if not secret_output:
                log.write(output)
        self._require_success(step, process)
        return output.decode()

    def show(
        self,
        step: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        *,
        say: Callable[[str], None],
        timeout: float,
    ) -> None:
        """Run one command and say each line that it writes, to standard output or error, at once.

        Args:
            step: names the log, as in ``run``.
            command: program and arguments.
            environment: variables beside the caller's.
            say: is given the lines.
            timeout: how long it may take, seconds.

        Raises:
            StepTimeoutError: it took longer, and was ended.
            StepError: see ``run``.
        """
        late = threading.Event()
        with self._process(step, command, environment, errors=subprocess.STDOUT) as (process, log):

            def end() -> None:
                late.set()
                process.terminate()

            timer = threading.Timer(timeout, end)
            timer.start()
            try:
                for line in process.stdout or ():
                    log.write(line)
                    say(line.decode(errors="replace").rstrip())
                process.wait()
            finally:
                timer.cancel()
        if late.is_set():
            raise StepTimeoutError(f"{step}: took more than {timeout:.0f} s")
        self._require_success(step, process)

    @contextlib.contextmanager
    def _process(
        self,
        step: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None,
        errors: int | None = None,
    ) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        """Start a command, whose standard error goes to the log unless ``errors`` says where."""
        log_file = self._log_file(step)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        arguments = [str(word) for word in command]
        path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        with self._lock:
            mode = "ab" if step in self._begun else "wb"
            self._begun.add(step)
        with log_file.open(mode) as log:
            with self._lock:
                if self._cancelled:
                    raise StepError(f"{step}: cancelled")
                try:
                    process = subprocess.Popen(  # noqa: S603
                        arguments,
                        cwd=PROJECT,
                        env={**os.environ, **_PLAIN, "PATH": path, **(environment or {})},
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=log if errors is None else errors,
                    )
                except OSError as error:
                    raise StepError(f"{step}: cannot run {arguments[0]}: {error}") from error
                self._running.add(process)
            try:
                yield process, log
            finally:
                with self._lock:
                    self._running.discard(process)

    def _require_success(self, step: str, process: subprocess.Popen[bytes]) -> None:
        if process.returncode != 0:
            log_file = self._log_file(step)
            shown = " ".join(list(process.args)[:4])  # type: ignore[arg-type]
            raise StepError(
                f"{step}: `{shown}` ended with exit code {process.returncode};"
                f" {log_file} ends:\n{without_frames(tail(log_file, 60))}"
            )

    def _log_file(self, step: str) -> Path:
        return self._logs / f"{step}.log"

    def cancel(self) -> None:
        """End the running commands and let no other start."""
        with self._lock:
            self._cancelled = True
            running = list(self._running)
        for process in running:
            process.terminate()


def without_frames(text: str) -> str:
    """Leave of tracebacks, Python's and rich's, the exceptions; the log has the rest."""
    kept = []
    in_traceback = False
    for line in text.splitlines():
        if line.startswith(_TRACEBACKS):
            in_traceback = True
        elif line and not (in_traceback and line.startswith(_FRAMES)):
            in_traceback = False
            if line not in _LINKS:
                kept.append(line)
    return "\n".join(kept[-_LINES_SHOWN:])
