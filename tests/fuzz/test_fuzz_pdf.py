"""5,000 damaged and hostile PDFs: each ends as a filing or a refusal."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from fuzz.memory import NO_LIMIT_OF_LIBFUZZER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_ptr import BEFORE_2022, PtrLine, ptr_pdf, scan_pdf

from quant.parsers.house_ptr import parse_house_ptr
from quant.parsers.model import DocumentError

TARGET = Path(__file__).with_name("fuzz_pdf.py")
DOC_ID = "20999001"

LINES = [
    PtrLine(ticked=True),
    PtrLine(
        asset="Example Inc. (EXMP) [OP]",
        owner="SP",
        reference="2000123456",
        amount="$250,001 - $500,000",
        fields={
            "Filing Status": "Amended",
            "Subholding Of": "Example Trust",
            "Description": "Purchased 50 call options with a strike price of $150.",
        },
    ),
]
SEEDS = [
    ptr_pdf(LINES, doc_id=DOC_ID, packed=False),
    ptr_pdf(LINES, doc_id=DOC_ID, packed=False, page_bottom=400),
    ptr_pdf(LINES, doc_id=DOC_ID, style=BEFORE_2022),
    scan_pdf(),
]
# What PDF readers stumble over: ISO 32000-1, 7.
TOKENS = st.one_of(
    st.sampled_from([b"obj", b"endobj", b"stream\n", b"endstream", b"xref", b"trailer", b"%%EOF"]),
    st.sampled_from([b"<<", b">>", b"2 0 R", b"BT", b"ET", b"(" * 99, b"q " * 99, b"\xff\xfe"]),
    st.sampled_from([b"/Kids[2 0 R]", b"/Count 99999999", b"/Length -1", b"/Length 4294967296"]),
    st.sampled_from([b"/Encrypt 2 0 R", b"/Prev 0", b"/Filter[/FlateDecode/LZWDecode]", b"\0" * 9]),
    st.sampled_from([b"1e38 0 0 1e38 0 0 cm", b"nan inf Td", b"/MediaBox[0 0 0 0]"]),
)
PLACE = st.floats(0, 1)
MUTATIONS = st.one_of(
    st.tuples(st.just("overwrite"), PLACE, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("insert"), PLACE, st.one_of(TOKENS, st.binary(max_size=32))),
    st.tuples(st.just("delete"), PLACE, st.binary(min_size=1, max_size=64)),
    st.tuples(st.just("repeat"), PLACE, st.binary(min_size=1, max_size=200)),
    st.tuples(st.just("truncate"), PLACE, st.just(b"")),
)


def mutate(content, mutations):
    for kind, place, data in mutations:
        at = int(place * len(content))
        head, tail = content[:at], content[at:]
        content = {
            "overwrite": head + data + tail[len(data) :],
            "insert": head + data + tail,
            "delete": head + tail[len(data) :],
            "repeat": head + tail[: len(data)] * 2 + tail[len(data) :],
            "truncate": head,
        }[kind]
    return content


def read(content):
    try:
        filing = parse_house_ptr(content, doc_id=DOC_ID)
    except DocumentError:
        return
    for line in (*filing.lines, *filing.rejects):
        json.dumps(line.raw, ensure_ascii=False).encode()  # can be stored


@settings(
    max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
@given(st.sampled_from(SEEDS), st.lists(MUTATIONS, min_size=1, max_size=6))
def test_damaged_pdfs(content, mutations):
    read(mutate(content, mutations))


# The text that PDF strings in Latin-1 can hold.
TEXT = st.text(st.characters(codec="latin-1"), max_size=30)
CELLS = st.one_of(TEXT, st.sampled_from(["P", "S (partial)", "01/08/2025", "$1,001 -", "SP", "["]))


@settings(max_examples=1000, deadline=None, database=None)
@given(
    st.lists(
        st.builds(
            PtrLine,
            asset=CELLS,
            operation=CELLS,
            day=CELLS,
            notification=CELLS,
            amount=CELLS,
            owner=CELLS,
            reference=CELLS,
            fields=st.dictionaries(
                st.sampled_from(["Filing Status", "Description", "Else"]), CELLS
            ),
        ),
        max_size=3,
    )
)
def test_hostile_texts(lines):
    read(ptr_pdf(lines, doc_id=DOC_ID, packed=False))


@pytest.mark.skipif(find_spec("atheris") is None, reason="no atheris for this platform")
def test_coverage_guided(tmp_path):
    for number, seed in enumerate(SEEDS):
        (tmp_path / f"{number}.pdf").write_bytes(seed)
    command = [sys.executable, str(TARGET), str(tmp_path), "-runs=2000", "-seed=1"]
    limits = ["-max_len=20000", NO_LIMIT_OF_LIBFUZZER, f"-artifact_prefix={tmp_path}/"]
    result = subprocess.run([*command, *limits], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "Done 2000 runs" in result.stderr
