"""LocalStack in host mode as a child process."""

import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from supervisor.servers import Server

# Found in the environment of LocalStack and of the processes that inherit it.
MARKER = "QUANT_LOCAL_CLOUD"


class LocalStackServer(Server):
    """LocalStack from its own Python environment, with private state.

    The runtime is started without ``localstack-supervisor``, whose one further job is to restart
    it: that way a signal to the child process, the kernel's included, reaches LocalStack itself.

    Args:
        environment: the Python environment LocalStack and our extension are installed in.
        runtime_python: interpreter that Lambda functions run on.
        directory: root of LocalStack's file system; also where its temporary files go.
        home: home folder of the process, where plux keeps its cache of entry points.
        port: TCP port of the gateway.
        log_file: log of the process.
    """

    name = "localstack"
    # With many functions it never ends in order: it stops waiting for their threads after five
    # seconds, and then for ever waits for those that are left. There is nothing that it would save.
    stop_timeout = 3.0
    ready_timeout = 90.0

    def __init__(
        self,
        *,
        environment: Path,
        runtime_python: Path,
        directory: Path,
        home: Path,
        port: int,
        log_file: Path,
    ) -> None:
        super().__init__(port, log_file)
        self.python_environment = environment
        self.runtime_python = runtime_python
        self.directory = directory
        self.home = home

    @property
    def url(self) -> str:
        """Endpoint of every AWS service."""
        return f"http://{self.host}:{self.port}"

    def prepare(self) -> None:
        """Make the folders afresh: what a former LocalStack left there means nothing to this."""
        shutil.rmtree(self.directory, ignore_errors=True)
        for directory in (self._temporary, self.home):
            directory.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """Return the command line of the LocalStack runtime."""
        return [str(self.python_environment / "bin" / "python"), "-m", "localstack.runtime.main"]

    def working_directory(self) -> Path:
        """Return a folder from which nothing can be imported by accident."""
        return self._temporary

    def environment(self) -> Mapping[str, str]:
        """Return LocalStack's settings and little else of the caller's environment."""
        passed_on = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("LAMBDA_", "LOCALSTACK_", "QUANT_LAMBDA_"))
            or name in {"DEBUG", "LS_LOG", "LANG"}
        }
        return passed_on | {
            "PATH": f"{self.python_environment / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.home),
            "TEMP": str(self._temporary),
            "TZ": "UTC",
            # The project's folder `localstack` must never be taken for the package.
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "GATEWAY_LISTEN": f"{self.host}:{self.port}",
            "LOCALSTACK_HOST": f"localhost:{self.port}",
            "FILESYSTEM_ROOT": str(self.directory),
            "OVERRIDE_IN_DOCKER": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            "EAGER_SERVICE_LOADING": "0",
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "QUANT_LAMBDA_PYTHON": str(self.runtime_python),
            MARKER: str(self.directory),
        }

    def ready(self) -> bool:
        """Tell whether the health page answers."""
        try:
            health = f"{self.url}/_localstack/health"
            with urllib.request.urlopen(health, timeout=5) as response:  # noqa: S310
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def _temporary(self) -> Path:
        return self.directory / "tmp"
