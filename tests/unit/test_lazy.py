"""Modules that wait until something of theirs is asked for, each case in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from infra.paths import ROOT

MODULES = {
    "late.py": "print('loaded'); VALUE = 1\ndef double(): return 2 * VALUE\n",
    "user.py": "import late\ndef use(): return late.double()\n",
    "broken.py": "import gone\n",
    "package/__init__.py": "print('package'); from package.part import VALUE\n",
    "package/part.py": "print('part'); VALUE = 3\n",
}
CASES = {
    "it waits while it is only imported": (
        "lazy.defer(['late']); import late, user; print(sorted(lazy.waiting()))",
        "['late']",
    ),
    "it is loaded once, by whoever asks first": (
        "lazy.defer(['late']); import late, user; print(user.use(), late.VALUE, lazy.waiting())",
        "loaded\n2 1 frozenset()",
    ),
    "names imported from it load it": (
        "lazy.defer(['late']); from late import VALUE; print(VALUE)",
        "loaded\n1",
    ),
    "all that wait are loaded": (
        "lazy.defer(['late']); import late; lazy.load_all(); print(lazy.waiting())",
        "loaded\nfrozenset()",
    ),
    "what is set before it is loaded stays once it was asked for": (
        "lazy.defer(['late']); import late, user; late.VALUE; late.VALUE = 5; print(user.use())",
        "loaded\n10",
    ),
    "a module of a package that waits leaves the package waiting": (
        "lazy.defer(['package']); from package import part; print(sorted(lazy.waiting()))",
        "part\n['package']",
    ),
    "a package and its modules wait apart": (
        "lazy.defer(['package', 'package.part']); from package import part;"
        " print(len(lazy.waiting()), part.VALUE, len(lazy.waiting()))",
        "part\n2 3 1",
    ),
    "a package gives its own names": (
        "lazy.defer(['package']); import package; print(package.VALUE)",
        "package\npart\n3",
    ),
    "a module that cannot be loaded says so each time": (
        "lazy.defer(['broken']); import broken\n"
        "for _ in range(2):\n"
        "    try: broken.name\n"
        "    except ImportError as error: print(error)",
        "No module named 'gone'\nNo module named 'gone'",
    ),
    "a module that is imported already stays as it is": (
        "import late; lazy.defer(['late']); import late; print(lazy.waiting())",
        "loaded\nfrozenset()",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_deferring(case: str, tmp_path: Path) -> None:
    for name, source in MODULES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(source)
    statements, expected = CASES[case]
    result = subprocess.run(
        [sys.executable, "-c", f"from quant import lazy\n{statements}"],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "layers/quant/python")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert result.stdout.strip() == expected
