"""The threat model names code and tests that exist."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docs" / "threat-model.md").read_text()
TOP = ("docs/", "functions/", "infra/", "layers/", "localstack/", "tests/")


def test_every_path_it_names_exists():
    paths = {path for path in re.findall(r"`([^`\s]+)`", TEXT) if path.startswith(TOP)}
    assert len(paths) > 50
    assert sorted(path for path in paths if not (PROJECT / path).exists()) == []


def test_every_threat_names_what_shows_its_mitigation():
    rows = re.findall(r"^\| ([STRIDE]) \|(.*)\|(.*)\|(.*)\|$", TEXT, re.MULTILINE)
    assert len(rows) > 40
    assert [row for row in rows if not re.search(r"`[^`]+`", row[3])] == []
