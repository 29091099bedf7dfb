"""Code as Lambda has it: handlers as they are deployed, packages as layers have them."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from environment import FUNCTIONS, PROJECT

PEERS: Final = PROJECT / "tests" / "bench" / "peers"


@contextmanager
def handlers() -> Iterator[Path]:
    """A folder of all handlers and bundles, with bytecode as deployment packs it."""
    with TemporaryDirectory(prefix="quant-bench-code-") as temporary:
        folder = Path(temporary, "functions")
        shutil.copytree(FUNCTIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        _compile(folder)
        for bundle in ("openapi.json", "docs-assets", "migrations"):
            (folder / bundle).symlink_to(PROJECT / "build" / bundle)
        yield folder


@contextmanager
def layer_of(*packages: str) -> Iterator[Path]:
    """A folder of packages that are installed here, compiled as ``infra.build`` compiles layers."""
    with TemporaryDirectory(prefix="quant-bench-layer-") as temporary:
        for name in packages:
            spec = importlib.util.find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            source = Path(spec.origin).parent
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, Path(temporary, name), ignore=ignored)
        _compile(Path(temporary))
        yield Path(temporary)


def _compile(folder: Path) -> None:
    options = ("-q", "--invalidation-mode", "unchecked-hash")
    subprocess.run([sys.executable, "-m", "compileall", *options, str(folder)], check=True)
