"""Where a local cloud keeps its things, and how they are read and written."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
ROOT_VARIABLE = "QUANT_LOCAL_ROOT"
DEFAULT_ROOT = PROJECT / ".local"
SERVERS = ("postgres", "valkey", "localstack")
# The server that is there only where machine learning is asked for.
TRACKING = "tracking"

_SKIPPED_PARTS = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True)
class Ports:
    """TCP ports of the servers, all on 127.0.0.1; ``tracking`` may be without a server."""

    localstack: int = 4566
    postgres: int = 15432
    valkey: int = 16379
    tracking: int = 5000

    def by_server(self, *, tracking: bool) -> dict[str, int]:
        """Return the ports by the names of their servers, with or without the tracking server's."""
        ports: dict[str, int] = asdict(self)
        return {name: port for name, port in ports.items() if tracking or name != TRACKING}


@dataclass(frozen=True)
class Credentials:
    """Passwords made when the local cloud is first started; they never leave its state folder.

    Attributes:
        postgres: of PostgreSQL's superuser.
        owner: of the role that owns the schema and runs migrations.
        app: of the role the functions use.
        valkey: of the cache's user.
        tracking: of the role that the tracking server uses.
    """

    postgres: str
    owner: str
    app: str
    valkey: str
    tracking: str


_PASSWORDS = tuple(Credentials.__dataclass_fields__)


@dataclass(frozen=True)
class State:
    """The state folder ``<root>/<name>`` of one local cloud.

    Attributes:
        name: of the local cloud.
        root: ``.local`` in the project unless ``QUANT_LOCAL_ROOT`` says otherwise.
    """

    name: str
    root: Path = field(default_factory=lambda: Path(os.environ.get(ROOT_VARIABLE, DEFAULT_ROOT)))

    @property
    def directory(self) -> Path:
        """The folder itself."""
        return self.root / self.name

    @property
    def logs(self) -> Path:
        """Folder of the servers' and the steps' logs."""
        return self.directory / "logs"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data directory."""
        return self.directory / "postgres"

    @property
    def valkey(self) -> Path:
        """Folder of Valkey's configuration."""
        return self.directory / "valkey"

    @property
    def localstack(self) -> Path:
        """Folder that LocalStack takes for the root of its file system."""
        return self.directory / "localstack"

    @property
    def tracking(self) -> Path:
        """Folder in which the tracking server works."""
        return self.directory / "tracking"

    @property
    def ml(self) -> Path:
        """What is kept of the bucket of machine learning while LocalStack is down."""
        return self.directory / "ml"

    @property
    def ml_file(self) -> Path:
        """What the daemon is asked to do for machine learning (``supervisor.ml``)."""
        return self.directory / "ml.json"

    @property
    def assembly(self) -> Path:
        """The synthesised cloud assembly."""
        return self.directory / "cdk.out"

    @property
    def run_file(self) -> Path:
        """What ``run`` left: ports, credentials, URLs, stack outputs."""
        return self.directory / "run.json"

    @property
    def daemon_file(self) -> Path:
        """What the daemon says about itself and its servers at any time."""
        return self.directory / "daemon.json"

    @property
    def daemon_lock(self) -> Path:
        """File the daemon holds a lock on while it lives."""
        return self.directory / "daemon.lock"

    @property
    def run_lock(self) -> Path:
        """File that ``run`` and ``stop`` hold a lock on, so that they take turns."""
        return self.directory / "run.lock"

    def control_file(self, server: str) -> Path:
        """File whose presence tells the daemon to hold a server down."""
        return self.directory / "control" / server

    def credentials(self) -> Credentials:
        """Return the passwords, making those that are not there yet.

        Raises:
            FileNotFoundError: they were deleted, but not the database they open.
        """
        path = self.directory / "credentials.json"
        if not path.exists() and self.postgres.exists():
            raise FileNotFoundError(
                f"{path} is gone, and with it the passwords of {self.postgres}; "
                "delete that folder to start with an empty database"
            )
        known = read_json(path)
        made = {name: known.get(name) or secrets.token_urlsafe(48) for name in _PASSWORDS}
        if made != known:
            write_json(path, made)
        return Credentials(**made)

    def daemon_alive(self) -> bool:
        """Tell whether a daemon holds its lock."""
        if not self.daemon_lock.exists():
            return False
        with self.daemon_lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


@contextlib.contextmanager
def exclusive(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock on a file.

    Raises:
        BlockingIOError: another process holds it and ``wait`` is False.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, empty where the file does not exist."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file by a JSON object readable by the owner only, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    temporary.replace(path)


def digest(paths: Iterable[Path], *extra: str) -> str:
    """Return a SHA-256 over the names and contents of files and folders, and further strings."""
    result = hashlib.sha256()
    for path in paths:
        for file in _files(path):
            result.update(f"{path.name}/{file.relative_to(path)}\0".encode())
            result.update(hashlib.sha256(file.read_bytes()).digest())
    for value in extra:
        result.update(f"{value}\0".encode())
    return result.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path).parts
        egg_info = any(part.endswith(".egg-info") for part in inside)
        if not egg_info and not _SKIPPED_PARTS.intersection(inside) and file.is_file():
            yield file
