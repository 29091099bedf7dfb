"""Remove from a layer what no function reads: records of installers, other uses, debug data."""

import shutil
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

# What type checkers and compilers read.
_SOURCES_OF_OTHERS: Final = ("*.pyi", "*.pyx", "*.pxd", "*.pxi", "*.h", "*.a")

# importlib.metadata reads these two; the rest of a .dist-info folder serves installers.
_RUNTIME_METADATA: Final = frozenset({"METADATA", "entry_points.txt"})

# What no function imports, as patterns by layer, besides what no package needs at run time.
UNUSED: Final[Mapping[str, tuple[str, ...]]] = {
    "api": (
        "pydantic/mypy.py",
        # FastAPI would import it to tell apart models of its kind, and does without.
        "pydantic/v1",
        "anyio/_backends/_trio.py",
        # A log line would need it for a model of Pydantic, which none has.
        "aws_lambda_powertools/event_handler",
        "aws_lambda_powertools/utilities/auth_alpha",
        "aws_lambda_powertools/utilities/batch",
        "aws_lambda_powertools/utilities/circuit_breaker",
        "aws_lambda_powertools/utilities/data_classes",
        "aws_lambda_powertools/utilities/data_masking",
        "aws_lambda_powertools/utilities/feature_flags",
        "aws_lambda_powertools/utilities/idempotency",
        "aws_lambda_powertools/utilities/kafka",
        "aws_lambda_powertools/utilities/parser",
        "aws_lambda_powertools/utilities/streaming",
        "aws_lambda_powertools/utilities/validation",
        "sqlalchemy/dialects/mssql",
        "sqlalchemy/dialects/mysql",
        "sqlalchemy/dialects/oracle",
        "sqlalchemy/dialects/sqlite",
        "sqlalchemy/ext",
        "sqlalchemy/testing",
        # Commands of modules that Valkey's serverless service does not have.
        "valkey/commands/bf",
        "valkey/commands/graph",
        "valkey/commands/search",
        "valkey/commands/timeseries",
    ),
    "auth": (
        "cffi",  # compiles bindings, which wheels bring compiled
        "pycparser",
    ),
    "pipeline": (
        "anyio/_backends/_trio.py",
        "lxml/html/_difflib.*",
        "lxml/html/diff.*",
        "lxml/objectify.*",
        "pypdfium2_cli",
    ),
    "analytics": (
        "numpy/_core/_*_tests.*.so",
        "numpy/_core/_simd.*.so",  # a test's view of what the other modules do themselves
        "numpy/_core/include",
        "numpy/_core/lib",
        "numpy/_pyinstaller",
        "numpy/f2py",
        "numpy/random/lib",
        "numpy/testing",
    ),
    "export": (
        "adbc_driver_duckdb",
        "duckdb/experimental",  # stands in for PySpark
        "duckdb/polars_io.py",
    ),
}


def prune(python: Path, unused: Sequence[str]) -> None:
    """Remove from a layer's folder what no package needs at run time, and what patterns name.

    Raises:
        FileNotFoundError: A pattern names nothing: the package has changed.
    """
    _strip(python)
    remove(python, unused)
    for file in python.rglob("*.so*"):
        content = file.read_bytes()
        loaded = loadable(content)
        if len(loaded) < len(content):
            file.write_bytes(loaded)


def remove(python: Path, patterns: Sequence[str]) -> None:
    """Remove what the patterns name.

    Raises:
        FileNotFoundError: A pattern names nothing: the package has changed.
    """
    for pattern in patterns:
        found = list(python.glob(pattern))
        if not found:
            msg = f"nothing in the layer is named {pattern}"
            raise FileNotFoundError(msg)
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def loadable(library: bytes) -> bytes:
    """Return a shared object without what lies behind its last segment: symbols and debug data.

    The loader reads segments alone, and is told that there are no section headers: these, too,
    are for linkers and debuggers.
    https://gabi.xinuos.com/elf/02-eheader.html, https://gabi.xinuos.com/elf/07-pheader.html

    Args:
        library: ELF of 64 bits, little-endian, as x86_64 and AArch64 have it.

    Raises:
        ValueError: It is something else.
    """
    if library[:6] != b"\x7fELF\x02\x01":
        msg = "no shared object of 64 bits"
        raise ValueError(msg)
    (first,) = struct.unpack_from("<Q", library, 0x20)  # e_phoff
    size, number = struct.unpack_from("<HH", library, 0x36)  # e_phentsize, e_phnum
    end = first + size * number
    for header in range(first, end, size):
        offset, _, _, in_file = struct.unpack_from("<4Q", library, header + 8)
        end = max(end, offset + in_file)
    loaded = bytearray(library[:end])
    struct.pack_into("<Q", loaded, 0x28, 0)  # e_shoff
    struct.pack_into("<HH", loaded, 0x3C, 0, 0)  # e_shnum, e_shstrndx
    return bytes(loaded)


def _strip(python: Path) -> None:
    """Remove what a running function never reads: installers' records, tests, scripts."""
    shutil.rmtree(python / "bin", ignore_errors=True)
    (python / ".lock").unlink(missing_ok=True)
    for folder in [path for path in python.rglob("*") if path.is_dir()]:
        if folder.name in {"tests", "test", "__pycache__"}:
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.name.endswith(".dist-info") and folder.parent == python:
            for entry in folder.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
                elif entry.name not in _RUNTIME_METADATA:
                    entry.unlink()
    for pattern in _SOURCES_OF_OTHERS:
        for file in list(python.rglob(pattern)):
            file.unlink()
