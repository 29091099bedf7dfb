"""What the build puts into layers: right versions, right machine, small, sufficient."""

import marshal
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from infra import build, pruning
from infra.all_functions import FUNCTIONS
from infra.batch_functions import RUN_EXPORT
from infra.components.handler_code import handler_code
from infra.paths import BUILD, LAYERS, ROOT, Artefacts
from infra_support import Assembly

MEGABYTE = 1_000_000

# Unpacked, code and layers. Lambda allows 250 MB, but whatever is there is fetched and mapped
# before a cold function's first request.
BUDGET = 120 * MEGABYTE
PACKED = [name for name, needs in FUNCTIONS.items() if not needs.image]
CONTAINED = [name for name, needs in FUNCTIONS.items() if needs.image]
# Besides those of the folders of analytics.
COMPUTES = {
    "export.analysis",
    RUN_EXPORT,
    "ml.monitor",
    "ml.predict",
    "ml.prepare",
    "ml.publish",
    "models.scorecard",
    "predictions.politician",
}


@pytest.fixture(scope="session", params=["local", "aws"])
def layers(request: pytest.FixtureRequest) -> Path:
    """The layers of one target, built where they are out of date."""
    build.build(request.param)
    return BUILD / request.param / "layers"


@pytest.fixture(scope="session")
def local_layers() -> Path:
    build.build("local")
    return BUILD / "local" / "layers"


@pytest.fixture(scope="session")
def aws_layers() -> Path:
    build.build("aws")
    return BUILD / "aws" / "layers"


@cache
def _unpacked(archive: Path) -> int:
    with zipfile.ZipFile(archive) as packed:
        return sum(entry.file_size for entry in packed.infolist())


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE))


def test_layers_are_small(layers: Path) -> None:
    """Bytecode is a third of the API layer and saves its compilation."""
    assert _unpacked(layers / "quant.zip") < 6 * MEGABYTE
    assert _unpacked(layers / "api.zip") < 40 * MEGABYTE
    assert _unpacked(layers / "analytics.zip") < 46 * MEGABYTE


def _size(layers: Path, name: str) -> int:
    """Return what a function's code and layers take, unpacked."""
    needs = FUNCTIONS[name]
    with handler_code(Artefacts.built_for("aws"), name, needs.bundles) as code:
        size = sum(path.stat().st_size for path in code.rglob("*") if path.is_file())
    return size + sum(_unpacked(layers / f"{layer}.zip") for layer in needs.layers)


@pytest.mark.parametrize("name", PACKED)
def test_functions_are_small(aws_layers: Path, name: str) -> None:
    assert _size(aws_layers, name) < BUDGET
    # Lambda takes no sixth layer.
    assert len(FUNCTIONS[name].layers) <= 5


def test_handlers_come_with_bytecode_of_what_they_are_now(tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    (functions / "trades").mkdir(parents=True)
    artefacts = Artefacts(functions, tmp_path, tmp_path)
    for answer in (1, 2):
        (functions / "trades/list.py").write_text(f"def handler():\n    return {answer}\n")
        with handler_code(artefacts, "trades.list", ()) as code:
            # Of PEP 552's flags, the first says that there is a hash, the second to check it.
            content = Path(cache_from_source(str(code / "trades/list.py"))).read_bytes()
        assert int.from_bytes(content[4:8], "little") == 1
        module = marshal.loads(content[16:])
        assert module.co_filename == "/var/task/trades/list.py"
        scope: dict[str, Callable[[], int]] = {}
        exec(module, scope)
        assert scope["handler"]() == answer


@pytest.mark.parametrize("name", CONTAINED)
def test_those_in_containers_would_be_too_large(local_layers: Path, name: str) -> None:
    """The layer of training is built for the local cloud alone."""
    assert _size(local_layers, name) > BUDGET


def test_only_what_computes_has_numpy(local_layers: Path) -> None:
    for name, needs in FUNCTIONS.items():
        computes = name.split(".")[0] in {"analytics", "patterns"} or name in COMPUTES
        assert ("analytics" in needs.layers) is computes, name


def test_native_modules_are_for_lambda(aws_layers: Path) -> None:
    arm64 = (183).to_bytes(2, "little")  # e_machine of ELF: EM_AARCH64
    found = 0
    for name in build.THIRD_PARTY_LAYERS:
        with zipfile.ZipFile(aws_layers / f"{name}.zip") as packed:
            for entry in packed.namelist():
                if re.search(r"\.so(\.|$)", entry):
                    assert packed.read(entry)[18:20] == arm64, entry
                    found += 1
    assert found > 5


def test_native_modules_have_all_that_the_loader_maps(aws_layers: Path) -> None:
    """They cannot be loaded here; those of the local target are, by every function's start."""
    found = 0
    for path in aws_layers.glob("*/python/**/*.so*"):
        library = path.read_bytes()
        # No section headers: what they name, symbols and debug data, is gone.
        assert struct.unpack_from("<Q", library, 0x28) == (0,), path
        first, size, number = struct.unpack_from("<Q14xHH", library, 0x20)
        kinds = []
        for header in range(first, first + size * number, size):
            (kind,) = struct.unpack_from("<I", library, header)
            offset, _, _, in_file = struct.unpack_from("<4Q", library, header + 8)
            assert offset + in_file <= len(library), path
            kinds.append(kind)
        assert {1, 2} <= set(kinds), path  # PT_LOAD, PT_DYNAMIC
        found += 1
    assert found > 5


def test_only_shared_objects_are_cut() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        pruning.loadable(b"\x7fELF\x01\x01" + bytes(64))
    with pytest.raises(ValueError, match="64 bits"):
        pruning.loadable(b"#!/bin/sh")


def test_pattern_that_names_nothing_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    pruning.remove(tmp_path, ("package",))
    assert not (tmp_path / "package").exists()
    with pytest.raises(FileNotFoundError, match="package"):
        pruning.remove(tmp_path, ("package",))


def test_same_inputs_give_the_same_bytes(layers: Path, tmp_path: Path) -> None:
    """Later, in another folder, and by a user whose files others may not read."""
    target = layers.parent.name
    before = os.umask(0o077)
    try:
        auth = ROOT / "layers/auth/requirements.txt"
        build._install(target, auth, pruning.UNUSED["auth"], tmp_path / "elsewhere" / "auth.zip")
        sources = tmp_path / "sources"
        shutil.copytree(ROOT / "layers/quant/python", sources, copy_function=shutil.copyfile)
        build._copy_quant(target, sources, tmp_path / "quant.zip")
    finally:
        os.umask(before)
    assert (tmp_path / "elsewhere/auth.zip").read_bytes() == (layers / "auth.zip").read_bytes()
    assert (tmp_path / "quant.zip").read_bytes() == (layers / "quant.zip").read_bytes()


def test_archives_carry_no_time_and_no_development_files(layers: Path) -> None:
    for name in LAYERS:
        with zipfile.ZipFile(layers / f"{name}.zip") as packed:
            entries = packed.infolist()
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        names = [entry.filename for entry in entries]
        assert all(entry.startswith("python/") for entry in names)
        assert not [entry for entry in names if "/tests/" in entry or entry.endswith("/RECORD")]
        assert not [entry for entry in names if "/boto3/" in entry]  # Lambda has its own


def test_domain_layer_leaves_out_what_the_api_never_runs(local_layers: Path) -> None:
    with zipfile.ZipFile(local_layers / "quant.zip") as packed:
        names = packed.namelist()
    assert "python/quant/settings.py" in names
    left_out = r"quant/(cli/|db/migrations/|ingest/(seed|synthetic)\.py)"
    assert not [name for name in names if re.search(left_out, name)]


def test_training_has_no_package_twice(local_layers: Path) -> None:
    """But for those that may be in several folders, parts of which are in either."""
    training = local_layers / "training" / "python"
    for name in ("api", "export"):
        for entry in (local_layers / name / "python").iterdir():
            twice = training / entry.name
            assert not twice.exists() or not (twice / "__init__.py").exists(), entry.name
            assert not twice.is_file(), entry.name


@pytest.mark.parametrize("name", [*build.THIRD_PARTY_LAYERS, build.TRAINING])
def test_locks_agree_with_the_development_environment(name: str) -> None:
    tested = _pins(ROOT / "tests/requirements.txt")
    deployed = _pins(ROOT / f"layers/{name}/requirements.txt")
    assert deployed
    assert deployed.items() <= tested.items()


def test_unchanged_inputs_are_not_built_again(local_layers: Path) -> None:
    before = {name: (local_layers / f"{name}.zip").stat().st_mtime_ns for name in LAYERS}
    build.build("local")
    assert {name: (local_layers / f"{name}.zip").stat().st_mtime_ns for name in LAYERS} == before


def test_changed_input_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ROOT", tmp_path)
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_text("1")
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text(source.read_text())

    monkeypatch.setattr(build, "_PROGRAMS", (source,))
    build._refresh(output, [source], make)
    build._refresh(output, [source], make)
    assert len(made) == 1
    source.write_text("2")
    build._refresh(output, [source], make)
    assert len(made) == 2
    assert output.read_text() == "2"


def test_failed_build_is_not_taken_for_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "ROOT", tmp_path)
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_text("1")
    monkeypatch.setattr(build, "_PROGRAMS", (source,))

    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        build._refresh(output, [source], fail)
    build._refresh(output, [source], lambda path: path.write_text("whole"))
    assert output.read_text() == "whole"


def _variables(assembly: Assembly, name: str) -> dict[str, str]:
    """Return a function's environment as Lambda would see it, references made up."""
    _, properties = assembly.function(name)

    def value(node: Any) -> str:
        match node:
            case str():
                return node
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(value(part) for part in parts)
        return "arn:aws:secretsmanager:us-east-1:000000000000:secret:made-up"

    variables = properties["Environment"]["Variables"]
    return {key: value(node) for key, node in variables.items()}


@pytest.fixture(scope="module")
def starts(
    assemble: Callable[[str], Assembly],
    local_layers: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, subprocess.CompletedProcess[str]]:
    """How each function's start with its code and layers alone ended; as many at once as cores."""
    variables = {name: _variables(assemble("local"), name) for name in FUNCTIONS}
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def start(name: str) -> subprocess.CompletedProcess[str]:
        needs = FUNCTIONS[name]
        script = f"import importlib; assert callable(importlib.import_module({name!r}).handler)"
        with handler_code(Artefacts.built_for("local"), name, needs.bundles) as code:
            # Lambda takes what is in several layers from the last, and CDK sorts them by name.
            layers = sorted(needs.layers, reverse=True)
            path = [str(code), *(str(local_layers / layer / "python") for layer in layers)]
            return subprocess.run(
                [sys.executable, "-S", "-c", script],
                env={
                    **variables[name],
                    "PATH": os.defpath,
                    "PYTHONPATH": os.pathsep.join(path),
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
                cwd=elsewhere,
                capture_output=True,
                text=True,
                check=False,
            )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(FUNCTIONS, pool.map(start, FUNCTIONS), strict=True))


@pytest.mark.timeout(900)  # the first one waits for all
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_starts_with_its_layers_alone(
    starts: dict[str, subprocess.CompletedProcess[str]], name: str
) -> None:
    """What a function's code and layers lack fails here rather than in the cloud."""
    assert starts[name].returncode == 0, starts[name].stderr
