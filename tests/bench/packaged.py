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
# Of a function that cannot write to its code, whose own modules are compiled at each start.
UNWRITABLE: Final = {"PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def handlers() -> Iterator[Path]:
    """A folder of all handlers, without bytecode, which their archives have none of; with bundles.

    Functions started from it need ``UNWRITABLE`` among their variables.
    """
    with TemporaryDirectory(prefix="quant-bench-code-") as temporary:
        folder = Path(temporary, "functions")
        shutil.copytree(FUNCTIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
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
        compile_all = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
        subprocess.run([sys.executable, *compile_all, temporary], check=True)
        yield Path(temporary)
