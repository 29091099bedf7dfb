"""The Python environments of the servers and of the Lambda runtime, made by uv from lock files."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from supervisor.commands import Commands, StepError
from supervisor.state import DEFAULT_ROOT, PROJECT, digest, exclusive

_FOLDER = PROJECT / "localstack"
_MARKER = "quant-digest.txt"


@dataclass(frozen=True)
class Environment:
    """One virtual environment.

    Attributes:
        path: its folder.
        lock: hash-locked requirements.
        package: a local package to install besides, or None.
    """

    path: Path
    lock: Path
    package: Path | None = None

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    def wanted(self) -> str:
        """Return the digest of what the environment is made from."""
        inputs = [self.lock, *([self.package] if self.package else [])]
        return digest(inputs, sys.version)

    def current(self) -> bool:
        """Tell whether the environment is there and made from what is there now."""
        marker = self.path / _MARKER
        return marker.exists() and marker.read_text() == self.wanted()


def localstack_environment(root: Path = DEFAULT_ROOT) -> Environment:
    """Return the environment of LocalStack and our extension."""
    return Environment(
        root / "envs" / "localstack", _FOLDER / "requirements.txt", _FOLDER / "extension"
    )


def runtime_environment(root: Path = DEFAULT_ROOT) -> Environment:
    """Return the environment that stands for Lambda's Python runtime."""
    return Environment(root / "envs" / "runtime", _FOLDER / "runtime-requirements.txt")


def tracking_environment(root: Path = DEFAULT_ROOT) -> Environment:
    """Return the environment of the tracking server."""
    return Environment(root / "envs" / "mlflow", _FOLDER / "mlflow-requirements.txt")


def plux_home(root: Path = DEFAULT_ROOT) -> Path:
    """Return the home folder under which plux caches LocalStack's entry points."""
    return root / "envs" / "home"


def ensure(environment: Environment, commands: Commands) -> bool:
    """Make an environment afresh unless it is current.

    Returns:
        Whether it was made.

    Raises:
        StepError: a lock file is missing, or uv failed.
    """
    if environment.current():
        return False
    if not environment.lock.exists():
        raise StepError(f"{environment.lock} is missing; `make lock` writes it")
    wanted = environment.wanted()
    (environment.path / _MARKER).unlink(missing_ok=True)
    uv = _uv()
    install = [uv, "pip", "install", "--python", str(environment.python)]
    step = f"environment-{environment.path.name}"
    commands.run(step, [uv, "venv", "--clear", "--python", sys.executable, environment.path])
    commands.run(step, [*install, "--require-hashes", "--requirement", str(environment.lock)])
    if environment.package:
        # The build backend is in the lock, so nothing unlocked is fetched for the build.
        build = ["--no-deps", "--no-build-isolation", "--reinstall", str(environment.package)]
        commands.run(step, [*install, *build])
    (environment.path / _MARKER).write_text(wanted)
    return True


def ensure_all(commands: Commands, root: Path = DEFAULT_ROOT) -> bool:
    """Make the environments that every local cloud has, where needed; returns whether any was made.

    Raises:
        StepError: see ``ensure``.
    """
    # Local clouds of all names share the environments.
    with exclusive(root / "envs" / "lock"):
        made = [
            ensure(environment, commands)
            for environment in (localstack_environment(root), runtime_environment(root))
        ]
    if made[0]:
        # plux would go on loading the entry points of the former environment.
        shutil.rmtree(plux_home(root) / ".cache" / "plux", ignore_errors=True)
        shutil.rmtree(plux_home(root) / "Library" / "Caches" / "plux", ignore_errors=True)
    return any(made)


def ensure_tracking(commands: Commands, root: Path = DEFAULT_ROOT) -> bool:
    """Make the tracking server's environment where needed; returns whether it was made.

    Raises:
        StepError: see ``ensure``.
    """
    with exclusive(root / "envs" / "lock"):
        return ensure(tracking_environment(root), commands)


def _uv() -> str:
    own = PROJECT / ".tools" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise StepError("uv was found neither in .tools/bin nor on PATH; run `make setup`")
    return found
