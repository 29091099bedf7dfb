"""Finds the simulations beside this file, and the class of their reports."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    path
    for path in (str(TESTS / "simulation"), str(TESTS / "bench"), str(TESTS))
    if path not in sys.path
]
