"""What the locks pin: advisories, bills of materials, licences."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from infra import build
from infra.dependencies import DEPLOYED, LOCKS, audit, licences, sbom
from infra.paths import LOCAL_LAYERS, ROOT

# Those with packages of others.
LAYERS = [name for name in LOCAL_LAYERS if name != "quant"]
REQUIREMENT = "pip==23.0 --hash=sha256:" + "0" * 64 + "\n"


def test_every_lock_is_known() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*requirements.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {ROOT / name for name in listed} == set(LOCKS)
    assert {*DEPLOYED} == {*LAYERS, "tracking", "backup"}


def _answer(monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str = "") -> None:
    """Have pip-audit answer this."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout, stderr)

    monkeypatch.setattr("infra.dependencies.audit.subprocess.run", run)


def test_a_vulnerability_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = [
        {"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"], "aliases": [], "description": ""},
        {"id": "PYSEC-2", "fix_versions": [], "aliases": [], "description": ""},
    ]
    packages = [
        {"name": "one", "version": "1.0", "vulns": found},
        {"name": "two", "version": "2.0", "vulns": []},
    ]
    _answer(monkeypatch, json.dumps({"dependencies": packages, "fixes": []}))
    assert audit.audit(tmp_path / "lock") == {
        "one 1.0: PYSEC-1, fixed in 1.1, 2.0",
        "one 1.0: PYSEC-2, fixed in no version",
    }


def test_what_was_not_looked_up_is_no_success(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    skipped = [{"name": "one", "skip_reason": "Dependency not found on PyPI"}]
    _answer(monkeypatch, json.dumps({"dependencies": skipped, "fixes": []}))
    with pytest.raises(audit.AdvisoriesUnavailableError, match="one"):
        audit.audit(tmp_path / "lock")
    _answer(monkeypatch, "", "ConnectionError: no route")
    with pytest.raises(audit.AdvisoriesUnavailableError, match="no route"):
        audit.audit(tmp_path / "lock")


def test_pip_audit_knows_a_vulnerability(tmp_path: Path) -> None:
    """CVE-2023-5752, of a version of pip that nobody here installs."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(REQUIREMENT)
    try:
        found = audit.audit(lock)
    except audit.AdvisoriesUnavailableError as error:
        pytest.skip(f"the service of advisories is not reached: {error}")
    assert any("PYSEC-2023-228" in line for line in found)


def _pinned(name: str) -> dict[str, str]:
    lines = DEPLOYED[name].read_text().splitlines()
    pins = [line.split()[0].split("==") for line in lines if re.match(r"[\w.-]+==", line)]
    return dict(pins)


# The others are as these, and take as long.
@pytest.mark.parametrize("name", ["api", "tracking"])
def test_bill_names_what_the_lock_pins(name: str, tmp_path: Path) -> None:
    bill = json.loads(sbom.write(name, tmp_path).read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "quant-analytics-platform"
    assert {each["name"]: each["version"] for each in bill["components"]} == _pinned(name)
    for each in bill["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        [source] = each["externalReferences"]
        assert {found["alg"] for found in source["hashes"]} == {"SHA-256"}


def test_bill_is_reproducible(tmp_path: Path) -> None:
    first = sbom.write("export", tmp_path / "first").read_bytes()
    assert sbom.write("export", tmp_path / "second").read_bytes() == first


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build.build("aws")
    build.build("local")


@pytest.mark.parametrize("name", LAYERS)
def test_licences_are_allowed(name: str) -> None:
    """Those of images of tasks are checked by ``make licences``, which fetches them."""
    assert licences.problems(licences.built(name)) == []


def test_exceptions_are_of_what_is_deployed() -> None:
    assert set(licences.EXCEPTIONS) <= {name for lock in DEPLOYED for name in _pinned(lock)}
    assert all(licences.EXCEPTIONS.values())


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("License-Expression: MPL-2.0 AND (Apache-2.0 OR MIT)", None),
        ("License-Expression: GPL-3.0-only OR MIT", None),
        ("License-Expression: MIT AND GPL-3.0-only", "not among"),
        ("License-Expression: AGPL-3.0-or-later", "not among"),
        ("License-Expression: GPL-2.0-only WITH Classpath-exception-2.0", "not among"),
        ("License-Expression: MIT OR", "one"),
        ("License: BSD 3-Clause License", None),
        ("License: free", "names no licence"),
        ("Classifier: License :: OSI Approved :: MIT License", None),
        (
            "Classifier: License :: OSI Approved :: GNU Affero General Public License v3 (AGPLv3)",
            "not among",
        ),
        (
            "License: Dual\nClassifier: License :: OSI Approved :: BSD License\n"
            "Classifier: License :: OSI Approved :: Apache Software License",
            None,
        ),
        ("Summary: nothing", "names no licence"),
    ],
)
def test_licence_of_metadata(fields: str, problem: str | None) -> None:
    found = licences.problem(f"Metadata-Version: 2.4\nName: one\n{fields}\n\nMIT License")
    assert (found is None) if problem is None else (found is not None and problem in found)


def test_a_folder_without_packages_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        licences.problems(tmp_path)


def test_commands_fail_with_a_reason(tmp_path: Path) -> None:
    """As a workflow would see it: nothing is reachable, and it says so."""
    script = (
        "from infra.dependencies import audit; from pathlib import Path;"
        "audit.LOCKS = [Path('absent')]; audit.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "error: the locks were not audited" in done.stderr
