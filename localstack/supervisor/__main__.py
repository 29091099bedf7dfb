"""Entry point of ``python localstack/supervisor``."""

import sys
from pathlib import Path

if not __package__:
    # Run as a directory: put the folder above on the path in place of this one.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from supervisor.cli import app

if __name__ == "__main__":
    app()
