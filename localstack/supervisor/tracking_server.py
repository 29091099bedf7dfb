"""MLflow's tracking server as a child process: experiments, the registry and their pages."""

import contextlib
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import psutil

from supervisor.servers import Server, kill_all
from supervisor.state import TRACKING

# Below this prefix of the bucket it keeps the artifacts (quant.ml.layout).
ARTIFACTS = "tracking"

_MARKER = "QUANT_LOCAL_TRACKING"


class TrackingServer(Server):
    """MLflow from its own Python environment; its clients reach the artifacts through it.

    Host headers other than its own are refused, which keeps pages of other sites from it by DNS
    rebinding; see https://mlflow.org/docs/latest/self-hosting/security/network/

    Args:
        python: interpreter of the environment MLflow is installed in.
        directory: folder it works in; also its home.
        database: SQLAlchemy URL of its database, for psycopg2.
        bucket: name of the bucket of its artifacts.
        environment: variables of its process besides its own, such as those that send an AWS SDK
            to the bucket.
        port: TCP port of its API and pages.
        log_file: log of the process.
    """

    name = TRACKING
    # The first start makes some sixty tables.
    ready_timeout = 120.0

    def __init__(
        self,
        *,
        python: Path,
        directory: Path,
        database: str,
        bucket: str,
        environment: Mapping[str, str],
        port: int,
        log_file: Path,
    ) -> None:
        super().__init__(port, log_file)
        self.python = python
        self.directory = directory.absolute()
        self.bucket = bucket
        self._database = database
        self._environment = dict(environment)

    @property
    def url(self) -> str:
        """Where it listens, the tracking URI of clients."""
        return f"http://{self.host}:{self.port}"

    def prepare(self) -> None:
        """Make the folder, and end what a server killed before has left."""
        self.directory.mkdir(parents=True, exist_ok=True)
        kill_all(self._leftovers(), grace=0)

    def command(self) -> list[str]:
        """Return the command line; it has no secret, since every account can read it."""
        options = {
            "--host": self.host,
            "--port": str(self.port),
            "--workers": "1",
            "--artifacts-destination": f"s3://{self.bucket}/{ARTIFACTS}",
            "--allowed-hosts": f"{self.host}:{self.port},localhost:{self.port}",
            "--x-frame-options": "DENY",
        }
        words = [word for option in options.items() for word in option]
        return [str(self.python), "-m", "mlflow", "server", "--serve-artifacts", *words]

    def working_directory(self) -> Path:
        """Return its folder."""
        return self.directory

    def environment(self) -> Mapping[str, str]:
        """Return MLflow's settings; nothing that it offers beyond tracking is switched on."""
        return self._environment | {
            "PATH": f"{self.python.parent}:{os.defpath}",
            "HOME": str(self.directory),
            "TZ": "UTC",
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "MLFLOW_BACKEND_STORE_URI": self._database,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_ENABLE_AI_GATEWAY": "false",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "GIT_PYTHON_REFRESH": "quiet",
            _MARKER: str(self.directory),
        }

    def ready(self) -> bool:
        """Tell whether the health page answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as response:  # noqa: S310
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _leftovers(self) -> list[psutil.Process]:
        # It runs in two processes, and kill -9 of the first leaves the other with the port.
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.environ().get(_MARKER) == str(self.directory):
                    found.append(process)
        return found
