"""Atheris target: any bytes given to the House parser end as a filing or a refusal.

Run by test_fuzz_pdf.py, or by hand: ``python tests/fuzz/fuzz_pdf.py [CORPUS] [-runs=N]``.
"""

import sys
from contextlib import suppress
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

with atheris.instrument_imports(include=["quant.parsers"]):
    from quant.parsers.house_ptr import parse_house_ptr
    from quant.parsers.model import DocumentError

from fuzz.memory import limit_memory


def fuzz(data: bytes) -> None:
    with suppress(DocumentError):
        parse_house_ptr(data, doc_id="20999001")


if __name__ == "__main__":
    limit_memory()
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()
