"""One function process: how it is started, watched and ended."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from quant_localstack.runtime.api import RuntimeApi

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")

# Beyond this size the log file is emptied once its content has been read.
LOG_FILE_LIMIT = 8 * 1024 * 1024

# Linux sends the parent-death signal when the *thread* that started the child ends, so every child
# is started by this one thread, which lives as long as LocalStack.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda-spawner")

# Its reading end goes to every child, its writing end stays here and closes when LocalStack ends.
_life_read, _life_write = os.pipe()


class Sandbox:
    """A running ``awslambdaric`` in its own process group, with its own scratch directory.

    Output of the process is appended to a file rather than sent through a pipe: what a function
    wrote before it answered is then surely there once the answer is, and nothing can block it.
    """

    def __init__(
        self,
        *,
        interpreter: str,
        handler: str,
        code: Path,
        python_path: Sequence[Path],
        environment: Mapping[str, str],
        scratch: Path,
    ) -> None:
        """Start the process; it is up when ``api.ready`` is set.

        ``scratch`` outlives the process, as /tmp does in an execution environment that is reset.
        """
        self.api = RuntimeApi()
        self._directory = Path(tempfile.mkdtemp(prefix="quant-lambda-"))
        log = self._directory / "output.log"
        self._log = os.open(log, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        self._read_to = 0
        self.peak_memory = 0
        env = {
            **environment,
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            # Keeps the user's own ~/.aws and site-packages out of the function.
            "HOME": str(scratch),
            "LAMBDA_TASK_ROOT": str(code),
            "LANG": "en_US.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join(str(path) for path in (code, *python_path)),
            "TMPDIR": str(scratch),
        }
        command = [interpreter, "-P", str(BOOTSTRAP), str(os.getpid()), str(_life_read), handler]
        try:
            self._process = _spawner.submit(
                subprocess.Popen,
                command,
                cwd=code,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(_life_read,),
                start_new_session=True,
            ).result()
        except OSError:
            self._release()
            raise
        self._psutil = _attach(self._process.pid)

    @property
    def pid(self) -> int:
        """Id of the process and of its group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As of `subprocess.Popen`: None while running, the negative signal number if killed."""
        return self._process.poll()

    @property
    def ended_idle(self) -> bool:
        """Whether the process ended after it had initialised, while no event was in progress."""
        return self.api.ready.is_set() and self.returncode is not None

    def memory(self) -> int:
        """Resident bytes of the process now.

        Its address space cannot be limited instead: CPython and its extension modules map far
        more than they touch. Its children are not counted, finding them means reading all of /proc.
        """
        resident = 0
        if self._psutil is not None:
            with contextlib.suppress(psutil.Error):
                resident = self._psutil.memory_info().rss
        self.peak_memory = max(self.peak_memory, resident)
        return resident

    def take_output(self) -> str:
        """What the process wrote since the last call."""
        chunks = []
        while chunk := os.pread(self._log, 1 << 20, self._read_to):
            chunks.append(chunk)
            self._read_to += len(chunk)
        if self._read_to > LOG_FILE_LIMIT:
            os.ftruncate(self._log, 0)
            self._read_to = 0
        return b"".join(chunks).decode("utf-8", "replace")

    def kill(self) -> None:
        """End the process group at once; its last output can still be taken."""
        # The group is signalled even if its leader has ended: children it left behind are in it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> str:
        """Kill what runs, free everything and return the last output."""
        self.kill()
        output = self.take_output()
        self._release()
        return output

    def _release(self) -> None:
        self.api.close()
        os.close(self._log)
        shutil.rmtree(self._directory, ignore_errors=True)


def _attach(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def layer_paths(root: Path) -> list[Path]:
    """Where Python looks for modules in a layer extracted at ``root``.

    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    """
    packages = sorted(root.glob("python/lib/python3.*/site-packages"))
    return [root / "python", *packages]
