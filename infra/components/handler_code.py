"""The code of a function: its module, what it may import beside it, and bytecode of both."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

from infra.paths import Artefacts

# Where Lambda unpacks it: the path in tracebacks.
_TASK_ROOT: Final = "/var/task"

# A file below the functions' folder, when it was changed (ns), and its size.
type _State = tuple[str, int, int]


@contextmanager
def handler_code(artefacts: Artefacts, name: str, bundles: Sequence[str]) -> Iterator[Path]:
    """Yield a folder with the bundles, the module, and what it may import from its own folder.

    Lambda cannot write to it, so that without bytecode every cold start would compile it.

    Raises:
        FileNotFoundError: The module or a bundle does not exist.
    """
    folder, module = name.split(".")
    source = artefacts.functions / folder
    if not (source / f"{module}.py").is_file():
        msg = f"function {name} has no module {source / module}.py"
        raise FileNotFoundError(msg)
    bytecode = _bytecode(artefacts.functions, _state(artefacts.functions))
    with tempfile.TemporaryDirectory() as temporary:
        helpers = sorted(source.glob("_*.py"))  # __init__.py among them
        for file in [*helpers, source / f"{module}.py"]:
            destination = Path(temporary, folder, file.name)
            compiled = Path(cache_from_source(str(destination)))
            compiled.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, destination)
            compiled.write_bytes(bytecode[f"{folder}/{file.name}"])
        for bundle in bundles:
            _copy(artefacts.bundles / bundle, Path(temporary, bundle))
        yield Path(temporary)


def _state(functions: Path) -> tuple[_State, ...]:
    """Return what tells one state of the functions' sources from another."""
    found = []
    for file in sorted(functions.glob("*/*.py")):
        status = file.stat()
        found.append((f"{file.parent.name}/{file.name}", status.st_mtime_ns, status.st_size))
    return tuple(found)


@cache
def _bytecode(functions: Path, state: tuple[_State, ...]) -> Mapping[str, bytes]:
    """Return the bytecode of all modules by their path below the functions' folder.

    All at once, since starting a compiler takes longer than compiling.
    """
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for path, _, _ in state:
            (root / path).parent.mkdir(exist_ok=True)
            shutil.copyfile(functions / path, root / path)
        # Unchecked: unpacking gives sources other times. The fixed seed keeps the order of set
        # constants, hence the archive's digest, the same.
        options = ("-q", "--invalidation-mode", "unchecked-hash", "-s", temporary, "-p", _TASK_ROOT)
        subprocess.run(  # noqa: S603 - our own list
            [sys.executable, "-m", "compileall", *options, temporary],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        return {
            path: Path(cache_from_source(str(root / path))).read_bytes() for path, _, _ in state
        }


def _copy(source: Path, destination: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, destination)
    else:
        shutil.copyfile(source, destination)
