"""Is this what was asked for? Whatever is not, never reaches the raw bucket.

Sites answer with status 200 and something else: an error page, a challenge, the page with their
terms. These checks look at what a document cannot be without; reading it is the parsers' task.
"""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree, html

from quant.collectors.errors import layout_changed

# The header may stand after some other bytes, the trailer before some (ISO 32000-1, annex H,
# implementation notes 13 and 18 to table H.1).
_PDF_MARGIN: Final = 1024

_SENATE_LINK: Final = re.compile(r'href="/search/view/([a-z-]+)/([0-9a-fA-F-]{36})/"', re.ASCII)


def require_pdf(content: bytes, what: str) -> None:
    """Raise ``CollectionError`` unless the content begins and ends as a PDF does."""
    if b"%PDF-" not in content[:_PDF_MARGIN]:
        raise layout_changed(f"{what}: not a PDF but {_sketch(content)}")
    if b"%%EOF" not in content[-_PDF_MARGIN:]:
        raise layout_changed(f"{what}: a PDF without its end")


def require_house_index(content: bytes, year: int) -> None:
    """Raise ``CollectionError`` unless the content is a zip archive with the year's XML index."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise layout_changed(f"{year}FD.zip: no zip archive but {_sketch(content)}") from error
    if f"{year}fd.xml" not in {name.lower() for name in names}:
        raise layout_changed(f"{year}FD.zip: holds no {year}FD.xml")


def require_yaml(content: bytes, key: str, what: str) -> None:
    """Raise ``CollectionError`` unless the content is text that has a YAML mapping's key.

    Args:
        content: What came.
        key: A key that every file of this kind has.
        what: Name of the file.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise layout_changed(f"{what}: not UTF-8") from error
    if not re.search(rf"^[ \t-]*{re.escape(key)}:", text, re.MULTILINE):
        raise layout_changed(f"{what}: has no {key!r} but {_sketch(content)}")


def require_senate_results(content: bytes) -> tuple[list[Any], int]:
    """Return the rows of a page of search results, and how many rows all pages have.

    Raises:
        CollectionError: It is not such a page.
    """
    try:
        page = json.loads(content)
    except ValueError as error:
        raise layout_changed(f"search results: not JSON but {_sketch(content)}") from error
    if not isinstance(page, Mapping) or page.get("result", "ok") != "ok":
        raise layout_changed("search results: no result")
    rows, total = page.get("data"), page.get("recordsFiltered")
    if not isinstance(rows, list) or not isinstance(total, int) or isinstance(total, bool):
        raise layout_changed("search results: no rows, or not their number")
    for row in rows:
        if not (
            isinstance(row, list)
            and len(row) == 5
            and all(isinstance(cell, str) for cell in row)
            and _SENATE_LINK.search(row[3])
        ):
            raise layout_changed("search results: a row of another form")
    return rows, total


def parse_page(content: bytes, what: str) -> html.HtmlElement:
    """Return an HTML page as a tree.

    Raises:
        CollectionError: It is no HTML page.
    """
    parser = html.HTMLParser(encoding="utf-8", no_network=True)
    try:
        page = html.document_fromstring(content, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise layout_changed(f"{what}: not HTML but {_sketch(content)}") from error
    return page


def is_agreement(page: html.HtmlElement) -> bool:
    """Return whether a page is the Senate's, on which its terms are to be agreed to."""
    return bool(page.xpath("//input[@name='prohibition_agreement']"))


def require_senate_ptr(page: html.HtmlElement, what: str) -> None:
    """Raise ``CollectionError`` unless the page is headed as an electronic PTR, with a filer."""
    headings = [" ".join(heading.text_content().split()) for heading in page.iter("h1")]
    titled = any(text.startswith("Periodic Transaction Report") for text in headings)
    if not titled or not page.find_class("filedReport"):
        raise layout_changed(f"{what}: no periodic transaction report but {headings[:1]}")


def require_senate_paper(page: html.HtmlElement, what: str) -> None:
    """Raise ``CollectionError`` unless the page shows the scan of a paper filing."""
    if not page.xpath("//img[contains(@class, 'filingImage') or contains(@src, '/media/')]"):
        raise layout_changed(f"{what}: no page of a scan")


def _sketch(content: bytes) -> str:
    return repr(content[:40])
