"""Serve the replica until interrupted: ``.venv/bin/python tests/replica --port 8090``."""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "layers" / "quant" / "python")]

from replica import Replica  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    replica = Replica(port=parser.parse_args().port)
    sys.stdout.write(f"{replica.url}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        replica.serve()


main()
