"""Build what Lambda runs besides the handlers: layers, documentation assets, the API description.

``python -m infra.build --target local|aws`` fills ``build/``. A part is rebuilt only when the
digest of its inputs has changed, and the same inputs give the same bytes. Layers hold
unchecked-hash ``.pyc`` files (PEP 552), which stay valid whatever modification times packing and
unpacking give their sources, so that a cold start never compiles.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from infra import pruning
from infra.paths import BUILD, ROOT
from infra.pruning import UNUSED, prune, remove

AWS_PYTHON: Final = (3, 13)
# Lambda's python3.13 runs on Amazon Linux 2023, whose glibc is 2.34.
AWS_PLATFORM: Final = "aarch64-manylinux_2_28"

THIRD_PARTY_LAYERS: Final = ("api", "auth", "pipeline", "analytics", "export", "schema")

TRAINING: Final = "training"
# Layers that a function of training has besides, whose packages need not be there twice. That of
# analytics is not among them: SciPy imports parts of NumPy that are removed there.
_BESIDE_TRAINING: Final = ("api", "export")

# Command line and sample data are run by no function; migrations are in the code of one.
_NOT_SERVED: Final = (
    "quant/backup",
    "quant/cli",
    "quant/db/migrations",
    "quant/demo.py",
    "quant/ingest/seed.py",
    "quant/ingest/synthetic.py",
)

_DOCS_ASSETS: Final = {
    "swagger-init.js": "functions/docs/swagger-init.js",
    "redoc.standalone.js": "node_modules/redoc/bundles/redoc.standalone.js",
    "redoc.standalone.js.LICENSE.txt": "node_modules/redoc/bundles/redoc.standalone.js.LICENSE.txt",
    "redoc.LICENSE.txt": "node_modules/redoc/LICENSE",
    "swagger-ui-bundle.js": "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt": (
        "node_modules/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt"
    ),
    "swagger-ui.css": "node_modules/swagger-ui-dist/swagger-ui.css",
    "swagger-ui.LICENSE.txt": "node_modules/swagger-ui-dist/LICENSE",
    "swagger-ui.NOTICE.txt": "node_modules/swagger-ui-dist/NOTICE",
}

# What is built depends on them as well.
_PROGRAMS: Final = (Path(__file__), Path(pruning.__file__))

# The earliest time a zip archive can express.
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def build(target: str) -> None:
    """Bring ``build/`` up to date for ``target``.

    Raises:
        FileNotFoundError: ``uv`` or ``node_modules`` is missing.
        subprocess.CalledProcessError: ``uv`` or the OpenAPI merge failed.
    """
    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        # Two builds at a time would write the same folders.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(target)


def _build(target: str) -> None:
    layers = BUILD / target / "layers"
    sources = ROOT / "layers/quant/python"
    _refresh(layers / "quant.zip", [target, sources], partial(_copy_quant, target, sources))
    for name in THIRD_PARTY_LAYERS:
        lock = ROOT / f"layers/{name}/requirements.txt"
        unused = UNUSED.get(name, ())
        make = partial(_install, target, lock, unused)
        _refresh(layers / f"{name}.zip", [target, lock], make)
    if target == "local":
        _build_training(layers)
    _refresh(
        BUILD / "docs-assets",
        [ROOT / source for source in _DOCS_ASSETS.values()],
        _copy_assets,
    )
    functions = ROOT / "functions"
    _refresh(
        BUILD / "openapi.json",
        [functions, sources],
        lambda out: _python("-m", "quant_http.openapi", str(functions), str(out)),
    )
    migrations = sources / "quant/db/migrations"
    _refresh(BUILD / "migrations", [migrations], partial(_copy_sources, migrations))


def _build_training(layers: Path) -> None:
    """Build the layer that stands in for the container images of training on AWS."""
    locks = [ROOT / f"layers/{name}/requirements.txt" for name in (TRAINING, *_BESIDE_TRAINING)]

    def make(archive: Path) -> None:
        _install("local", locks[0], (), archive)
        python = archive.with_suffix("") / "python"
        there = {
            entry.name
            for name in _BESIDE_TRAINING
            for entry in (layers / name / "python").iterdir()
        }
        both = [entry for entry in python.iterdir() if entry.name in there]
        remove(python, sorted(entry.name for entry in both if not _is_namespace(entry)))
        _pack(python, archive)

    _refresh(layers / f"{TRAINING}.zip", locks, make)


def _is_namespace(entry: Path) -> bool:
    """Say whether parts of a package may be in several folders (PEP 420)."""
    of_installer = entry.suffix in {".dist-info", ".libs"}
    return entry.is_dir() and not of_installer and not (entry / "__init__.py").exists()


def _refresh(output: Path, inputs: Sequence[str | Path], make: Callable[[Path], None]) -> None:
    """Rebuild ``output`` unless the digest left beside it is that of the inputs."""
    stamp = output.with_name(f".{output.name}.digest")
    digest = _digest([*inputs, *_PROGRAMS, platform.python_version(), platform.machine()])
    if output.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    if output.is_dir():
        shutil.rmtree(output)
    output.unlink(missing_ok=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    make(output)
    stamp.write_text(digest)


def _digest(inputs: Iterable[str | Path]) -> str:
    digest = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            digest.update(item.encode() + b"\0")
            continue
        files = sorted(_sources(item)) if item.is_dir() else [item]
        for file in files:
            digest.update(f"{file.relative_to(ROOT)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterable[Path]:
    return (
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )


def _copy_quant(target: str, sources: Path, archive: Path) -> None:
    python = _empty_layer(archive)
    for source in _sources(sources):
        relative = source.relative_to(sources)
        if not any(relative.is_relative_to(folder) for folder in _NOT_SERVED):
            destination = python / relative
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, destination)
    _compile(target, python)
    _pack(python, archive)


def _install(target: str, lock: Path, unused: Sequence[str], archive: Path) -> None:
    python = _empty_layer(archive)
    install(target, lock, python)
    prune(python, unused)
    _compile(target, python)
    _pack(python, archive)


def install(target: str, lock: Path, folder: Path) -> None:
    """Install what a lock pins, as wheels with the hashes it has, into a folder.

    Raises:
        FileNotFoundError: There is no ``uv``.
        subprocess.CalledProcessError: A package has no such wheel, or cannot be fetched.
    """
    version = ".".join(map(str, AWS_PYTHON))
    platform_options = (
        ["--python-platform", AWS_PLATFORM, "--python-version", version]
        if target == "aws"
        else ["--python", sys.executable]
    )
    command = [
        *(_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--link-mode", "copy", *platform_options),
        *("--target", str(folder), "-r", str(lock)),
    ]
    subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603 - our own list


def _empty_layer(archive: Path) -> Path:
    """Return the ``python/`` folder, made afresh, of the layer that ``archive`` will hold."""
    folder = archive.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "python"
    python.mkdir(parents=True)
    return python


def _pack(python: Path, archive: Path) -> None:
    """Write the layer's archive: sorted names, one modification time, no owner."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for file in sorted(path for path in python.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(python.parent)), _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | (0o755 if file.suffix == ".so" else 0o644)) << 16
            packed.writestr(entry, file.read_bytes())


def _compile(target: str, python: Path) -> None:
    if target == "aws" and sys.version_info[:2] != AWS_PYTHON:
        # Another interpreter's bytecode would be ignored and only add weight.
        return
    _python(
        *("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        # The path in tracebacks is the one in Lambda, not the one on the building machine.
        *("-s", str(python), "-p", "/opt/python", str(python)),
    )


def _python(*arguments: str) -> None:
    # A fixed hash seed keeps the order of set constants, hence the bytecode, reproducible.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=environment)  # noqa: S603 - our own list


def _copy_sources(folder: Path, output: Path) -> None:
    for source in _sources(folder):
        destination = output / source.relative_to(folder)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)


def _copy_assets(output: Path) -> None:
    output.mkdir()
    for name, source in _DOCS_ASSETS.items():
        shutil.copyfile(ROOT / source, output / name)


def _uv() -> str:
    bundled = ROOT / ".tools/bin/uv"
    found = str(bundled) if bundled.exists() else shutil.which("uv")
    if found is None:
        msg = "uv is neither in .tools/bin nor on PATH"
        raise FileNotFoundError(msg)
    return found


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--target", choices=("local", "aws"), required=True)
    build(parser.parse_args().target)


if __name__ == "__main__":
    main()
