import gzip
import io
import itertools
import zipfile
from collections import Counter
from datetime import date

import pytest

from quant.parsers.house_index import parse_house_index
from quant.parsers.model import DocumentError

FIELDS = {
    "Prefix": "Hon.",
    "Last": "Member",
    "First": "Synthia",
    "Suffix": "",
    "FilingType": "P",
    "StateDst": "ZZ07",
    "Year": "2025",
    "FilingDate": "1/17/2025",
    "DocID": "20026590",
}


def member(**changes):
    fields = {**FIELDS, **changes}
    return "".join(f"<{tag}>{text}</{tag}>" for tag, text in fields.items() if text is not None)


def index(*members, root="FinancialDisclosure"):
    body = "".join(f"<Member>{fields}</Member>" for fields in members)
    text = f'<?xml version="1.0" encoding="utf-8"?>\r\n<{root}>{body}</{root}>'
    return b"\xef\xbb\xbf" + text.encode()


def packed(xml, name="2025FD.xml"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2025FD.txt", "Prefix\tLast\tFirst")
        archive.writestr(name, xml)
    return buffer.getvalue()


def reason(content):
    with pytest.raises(DocumentError) as error:
        parse_house_index(content)
    return error.value.reason


def test_filings_are_read_from_the_archive_and_from_the_file():
    xml = index(member(), member(FilingType="C", DocID="10048102", FilingDate="", StateDst=""))
    read = parse_house_index(packed(xml))
    assert read == parse_house_index(xml)
    ptr, candidate = read.entries
    assert (ptr.doc_id, ptr.is_ptr, ptr.year) == ("20026590", True, 2025)
    assert ptr.filed_date == date(2025, 1, 17)
    assert (ptr.filer.alias, ptr.filer.state, ptr.filer.district) == ("synthia member, zz", "ZZ", 7)
    assert (candidate.filed_date, candidate.filer.state) == (None, None)
    assert (read.year, read.counts()) == (2025, {"C": 1, "P": 1})


def test_each_report_is_named_once_whatever_the_order():
    variants = [member(), member(FilingDate=""), member(DocID="1"), member(FilingType="C")]
    found = {parse_house_index(index(*order)).ptrs() for order in itertools.permutations(variants)}
    (ptrs,) = found
    assert [ptr.doc_id for ptr in ptrs] == ["1", "20026590"]


def test_an_unreadable_entry_is_rejected_alone():
    read = parse_house_index(index(member(), member(DocID="../x"), member(FilingType="")))
    assert len(read.entries) == 1
    assert [(line.line_number, line.reason) for line in read.rejects] == [
        (2, "filing_unreadable"),
        (3, "filing_unreadable"),
    ]
    assert read.rejects[0].raw["DocID"] == "../x"


def test_an_index_of_a_new_year_is_empty():
    read = parse_house_index(index())
    assert (read.year, read.entries, read.counts(), read.ptrs()) == (None, (), {}, ())


@pytest.mark.parametrize(
    "content",
    [
        index(member(), root="Disclosures"),
        index(member(DocID=None)),
        index(member(), member(Year="2024")),
        index(member(DocID="x")),
        b"<FinancialDisclosure><Filing/></FinancialDisclosure>",
        packed(index(member()), name="index.xml"),
    ],
)
def test_another_layout_is_never_read(content):
    assert reason(content) == "layout_unknown"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not_this_format"),
        (b"%PDF", "not_this_format"),
        (b"<FinancialDisclosure>", "not_this_format"),
        (b'<?xml version="1.0" encoding="no-such"?><FinancialDisclosure/>', "not_this_format"),
        (b"<FinancialDisclosure>" + b"<a>" * 400_000, "too_large"),
        (b" " * (16 << 20) + b"<FinancialDisclosure/>", "too_large"),
        (b"<!DOCTYPE FinancialDisclosure><FinancialDisclosure/>", "forbidden_content"),
        (
            b'<!DOCTYPE f [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
            b"<FinancialDisclosure>&b;</FinancialDisclosure>",
            "forbidden_content",
        ),
        (
            b'<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
            b"<FinancialDisclosure>&x;</FinancialDisclosure>",
            "forbidden_content",
        ),
        (
            b'<!DOCTYPE f SYSTEM "http://127.0.0.1:9/x.dtd"><FinancialDisclosure/>',
            "forbidden_content",
        ),
    ],
)
def test_unreadable_and_dangerous_xml_is_refused(content, expected):
    assert reason(content) == expected


@pytest.mark.realdata
def test_the_real_indexes_are_counted_by_type(data_dir):
    counts, ptrs = Counter(), set()
    for year in range(2020, 2026):
        xml = gzip.decompress((data_dir / "house" / f"{year}FD.xml.gz").read_bytes())
        read = parse_house_index(packed(xml, f"{year}FD.xml"))
        assert (read.year, read.rejects) == (year, ())
        assert all(entry.filer for entry in read.entries)
        assert all(entry.filed_date for entry in read.entries if entry.is_ptr)
        assert len(read.ptrs()) == read.counts()["P"]
        counts.update(read.counts())
        ptrs.update(ptr.doc_id for ptr in read.ptrs())
    assert counts == {
        "A": 820,
        "B": 22,
        "C": 4567,
        "D": 647,
        "E": 15,
        "G": 21,
        "H": 211,
        "O": 2162,
        "P": 3463,
        "T": 190,
        "W": 304,
        "X": 3235,
    }
    assert counts.total() == 15_657
    assert len(ptrs) == 3463
