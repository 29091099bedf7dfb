"""Simulates planted truth and the absence of any, and writes docs/methods/validation.md."""

import argparse
import importlib
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(PROJECT / "tests" / "simulation"),
    str(PROJECT / "tests" / "bench"),
    str(PROJECT / "tests"),
]

from report import write  # noqa: E402

# A prefix, as modules called like the folders below functions/ would stand in their way.
_PREFIX = "simulate_"
_FILES = f"{_PREFIX}*.py"

HEADING = "# Validation by simulation"
INTRODUCTION = (
    "Written by `python tests/simulation`. Each method is run on made-up data: on such as have "
    "nothing to find, where its false-positive rate at the nominal 5 % must lie within 3.5 % and "
    "6.5 %, and on such as have something planted, where its power is the share of runs that find "
    "it. Every value is in {document}. All data on this page are synthetic."
)


def areas() -> list[str]:
    return sorted(path.stem.removeprefix(_PREFIX) for path in Path(__file__).parent.glob(_FILES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="AREA", help=f"of {', '.join(areas())}")
    names = parser.parse_args().names or areas()
    if unknown := set(names) - set(areas()):
        parser.error(f"there is no area {', '.join(sorted(unknown))}")
    reports = {}
    for name in names:
        print(f"simulating {name}", flush=True)
        for number, result in enumerate(importlib.import_module(f"{_PREFIX}{name}").run(), 1):
            reports[f"{name}.{number:02}"] = result
    docs = PROJECT / "docs" / "methods"
    write(
        reports,
        docs / "validation.md",
        docs / "validation.json",
        heading=HEADING,
        introduction=INTRODUCTION,
    )
    print(f"written to {(docs / 'validation.md').relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
