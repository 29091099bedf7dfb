"""Commands the supervisor runs, each with a log of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

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
        log_file = self._logs / f"{step}.log"
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
                        stderr=log,
                    )
                except OSError as error:
                    raise StepError(f"{step}: cannot run {arguments[0]}: {error}") from error
                self._running.add(process)
            try:
                output, _ = process.communicate()
            finally:
                with self._lock:
                    self._running.discard(process)
            if not secret_output:
                log.write(output)
        if process.returncode != 0:
            raise StepError(
                f"{step}: `{' '.join(arguments[:4])}` ended with exit code {process.returncode};"
                f" {log_file} ends:\n{without_frames(tail(log_file, 60))}"
            )
        return output.decode()

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
