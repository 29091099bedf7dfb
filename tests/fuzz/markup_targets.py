"""Parsers of markup and archives with documents that fuzzing starts from."""

import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from senate_support import (
    BOND,
    DOC_ID,
    OPTION,
    paper_page,
    ptr_page,
    search_page,
    search_row,
)

from quant.parsers.archives import gunzip
from quant.parsers.house_index import parse_house_index
from quant.parsers.senate_index import parse_senate_index
from quant.parsers.senate_ptr import parse_senate_paper, parse_senate_ptr
from quant.parsers.yaml import load_yaml


@dataclass(frozen=True)
class Target:
    """A parser, documents it reads, and byte strings that mean something to it."""

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...]


def _house_index() -> bytes:
    member = (
        "<Member><Prefix>Hon.</Prefix><Last>Member</Last><First>Synthia</First><Suffix />"
        "<FilingType>{}</FilingType><StateDst>ZZ07</StateDst><Year>2025</Year>"
        "<FilingDate>1/17/2025</FilingDate><DocID>{}</DocID></Member>\r\n"
    )
    members = "".join(member.format(kind, 20026590 + n) for n, kind in enumerate("PCPX"))
    text = f'<?xml version="1.0" encoding="utf-8"?>\r\n<FinancialDisclosure>{members}'
    return b"\xef\xbb\xbf" + f"{text}</FinancialDisclosure>".encode()


def _zip(compression: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("2025FD.txt", "Prefix\tLast\tFirst\r\n")
        archive.writestr("2025FD.xml", _house_index())
    return buffer.getvalue()


_YAML = b"""\
- id: {bioguide: Z900001, thomas: '01234'}
  name: &name
    first: "Synthia"
    official_full: Synthia \\xc1 Member
  terms:
  - {type: rep, start: 2021-01-03, end: '2023-01-03', state: ZZ, district: 7}
  other: *name
"""

TARGETS = {
    "senate-ptr": Target(
        lambda content: parse_senate_ptr(content, doc_id=DOC_ID),
        (
            ptr_page([{}, {"Asset Name": OPTION, "Asset Type": "Stock Option"}]),
            ptr_page([{"Asset Name": BOND, "Ticker": "--"}], amendment=2),
        ),
        (b"<td>", b"</td>", b"<tr>", b"</table>", b"<br>", b"&#0;", b"&#x1F600;", b"<!--", b"\x00"),
    ),
    "senate-paper": Target(
        lambda content: parse_senate_paper(content, doc_id=DOC_ID),
        (paper_page(), paper_page(1)),
        (b'<img class="filingImage">', b"Page 9 of 9", b"</html>", b"<svg>", b"<![CDATA["),
    ),
    "senate-index": Target(
        parse_senate_index,
        (search_page([search_row(), search_row(kind="paper", last="MEMBER, Jr.")]),),
        (
            b'"data"',
            b"[",
            b"]",
            b"null",
            b"1e999",
            b"NaN",
            b"\\ud800",
            b"\\u0000",
            b"/search/view/",
        ),
    ),
    "house-index-xml": Target(
        parse_house_index,
        (_house_index(),),
        (
            b"<Member>",
            b"</Member>",
            b"<DocID>",
            b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
            b"&b;",
            b"&#55296;",
            b"<?xml version='1.0' encoding='utf-7'?>",
            b"<![CDATA[",
        ),
    ),
    "house-index-zip": Target(
        parse_house_index,
        (_zip(zipfile.ZIP_DEFLATED), _zip(zipfile.ZIP_STORED)),
        (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"../", b"\xff\xff\xff\xff"),
    ),
    "yaml": Target(
        load_yaml,
        (_YAML, b"a: [1, .inf, 0o7, 1:30, ~, yes]\n"),
        (
            b"&a ",
            b"*a",
            b"<<: ",
            b"!!int ",
            b"? ",
            b"- ",
            b"{",
            b"[",
            b"|\n",
            b"%YAML 9.9\n",
            b"=\n",
        ),
    ),
    "gzip": Target(
        gunzip,
        (gzip.compress(b"date,ticker\n" * 50), gzip.compress(b"")),
        (b"\x1f\x8b\x08", b"\xff\xff", b"\x00\x00"),
    ),
}
