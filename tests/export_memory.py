"""An export in a process of its own, which says the most memory that it held.

``export_memory.py FORMAT ROWS`` prints the number of rows and its ``VmHWM`` in megabytes.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import quant.settings
from quant.exports import rows
from quant.exports.dictionary import TRADES
from quant.exports.formats import write_file
from quant.exports.rows import Selection
from quant.vocabulary import ExportFormat


def peak_mb() -> float:
    """Return the most memory that this process held since it began."""
    # Not of ``getrusage``, which counts what the process held before it became this one.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError("VmHWM")


def main() -> None:
    secret = json.dumps({"username": "quant_app", "password": os.environ["TEST_DATABASE_PASSWORD"]})
    quant.settings.read_secret = lambda _: secret
    form, limit = ExportFormat(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as directory, rows.snapshot() as connection:
        written = write_file(connection, Selection(TRADES), form, Path(directory), limit=limit)
    sys.stdout.write(f"{written.rows} {peak_mb()}\n")


if __name__ == "__main__":
    main()
