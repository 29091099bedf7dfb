"""HTML from outside: parsed without network or scripts, read as text."""

from typing import Any, Final

from lxml import etree

from quant.ingest.values import printable
from quant.parsers.model import DocumentError, Unreadable

MAX_BYTES: Final = 8 << 20
MAX_MARKS: Final = 200_000  # "<" characters: bounds the elements, hence the memory

_BREAKS: Final = frozenset({"br", "div", "p"})


def parse_html(content: bytes) -> Any:
    """Return the root element of a whole HTML page (``lxml.etree`` element), in UTF-8.

    Raises:
        DocumentError: It is no HTML, too large, or ends before the page does.
    """
    if len(content) > MAX_BYTES or content.count(b"<") > MAX_MARKS:
        raise DocumentError(Unreadable.TOO_LARGE, f"HTML of {len(content)} bytes")
    lowered = content.lower()
    if b"<html" not in lowered:
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, "not an HTML page")
    # The parser mends a page cut off half-way, and its last rows would be missing silently.
    if b"</html>" not in lowered:
        raise DocumentError(Unreadable.DAMAGED, "the page is cut off")
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.LxmlError, ValueError) as error:
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, f"HTML: {error}") from error
    if root is None:
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, "an empty HTML page")
    return root


def lines_of(element: Any) -> list[str]:
    """Return the text below an element, split where the page breaks the line.

    Whitespace is collapsed and characters that cannot be shown become spaces.
    """
    pieces: list[str] = []
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            if node.tag in _BREAKS:
                pieces.append("\x1f")
            pieces.append(_without_separator(node.text))
        else:
            if node.tag in _BREAKS:
                pieces.append("\x1f")
            if node is not element:
                pieces.append(_without_separator(node.tail))
    lines = (" ".join(printable(line).split()) for line in "".join(pieces).split("\x1f"))
    return [line for line in lines if line]


def _without_separator(text: str | None) -> str:
    return (text or "").replace("\x1f", " ")


def text_of(element: Any) -> str:
    """Return the text below an element as one line."""
    return " ".join(lines_of(element))
