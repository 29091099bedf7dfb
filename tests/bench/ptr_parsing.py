"""The House PTR parser beside pdfplumber's default extraction."""

import io
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pdfplumber
from report import Report, package_versions, sample
from synthetic_ptr import PtrLine, ptr_pdf

from quant.parsers.house_ptr import parse_house_ptr
from quant.parsers.pdf import read_pdf

ROUNDS = 9
PROJECT = Path(__file__).resolve().parents[2]


def run() -> Report:
    subjects: Mapping[str, Callable[[bytes], object]] = {
        "pdfplumber, `extract_text`": _plumb_text,
        "pdfplumber, `extract_tables`": _plumb_tables,
        "PDFium characters and paths, in process": read_pdf,
        "this parser, PDFium in a child process": parse_house_ptr,
    }
    rows = []
    measurements = {}
    for document, content in _documents().items():
        lines = len(parse_house_ptr(content).lines)
        taken: dict[str, list[float]] = {name: [] for name in subjects}
        for number in range(ROUNDS + 1):
            # One after the other within each round, so that a slow moment meets all of them.
            for name, read in subjects.items():
                started = time.perf_counter()
                read(content)
                if number:  # the first one warms up
                    taken[name].append((time.perf_counter() - started) * 1e3)
        base = sample(taken["pdfplumber, `extract_text`"])
        for name, values in taken.items():
            measured = sample(values)
            rows.append((document, name, str(measured), measured.ratio(base)))
            measurements[f"{document}, {name}, ms"] = measured.values
        measurements[f"{document}, lines"] = (float(lines),)
    return Report(
        title="House PTR parsing",
        method=(
            f"Milliseconds a document, {ROUNDS} rounds. pdfplumber, with its default settings, "
            "extracts the text or the tables of every page; what it gives still has to be read "
            "into transactions, and has neither the capital gains boxes nor rows that continue "
            "on the next page. This parser's time is everything from bytes to transactions, with "
            "the way to its child process and back."
        ),
        columns=("document", "", "ms", "of pdfplumber's text"),
        rows=tuple(rows),
        versions=package_versions("pypdfium2", "pdfplumber"),
        measurements=measurements,
    )


def _documents() -> dict[str, bytes]:
    """A synthetic report, and published ones where the folder of real disclosures is."""
    documents = {"synthetic, 60 transactions": ptr_pdf([PtrLine()] * 60)}
    data = Path(os.environ.get("QUANT_DATA_DIR", PROJECT.parent / "shared" / "data"))
    for path in sorted((data / "house" / "ptr").glob("*.pdf")):
        content = path.read_bytes()
        filing = parse_house_ptr(content)
        documents[f"{filing.doc_id}, {len(filing.lines)} transactions"] = content
    return documents


def _plumb_text(content: bytes) -> list[str]:
    with pdfplumber.open(io.BytesIO(content)) as document:
        return [page.extract_text() for page in document.pages]


def _plumb_tables(content: bytes) -> list[object]:
    with pdfplumber.open(io.BytesIO(content)) as document:
        return [table for page in document.pages for table in page.extract_tables()]
