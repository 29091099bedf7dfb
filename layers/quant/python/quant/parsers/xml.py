"""XML from outside, without document types, entities or anything fetched."""

from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from quant.parsers.model import DocumentError, Unreadable

MAX_BYTES: Final = 16 << 20
MAX_MARKS: Final = 400_000  # "<" characters: bounds the elements, hence the memory


def parse_xml(content: bytes, root: str) -> Element:
    """Return the root element of an XML document.

    Args:
        content: The document; UTF-8 unless it declares another encoding.
        root: Name the root element must have.

    Raises:
        DocumentError: It is not XML, too large, has a document type, or another root.
    """
    if len(content) > MAX_BYTES or content.count(b"<") > MAX_MARKS:
        raise DocumentError(Unreadable.TOO_LARGE, f"XML of {len(content)} bytes")
    try:
        element: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise DocumentError(Unreadable.FORBIDDEN_CONTENT, f"XML: {error}") from error
    # An encoding that Python does not know, or knows to be none, is no ParseError.
    except (ParseError, LookupError, ValueError) as error:
        raise DocumentError(Unreadable.NOT_THIS_FORMAT, f"XML: {error}") from error
    if element.tag != root:
        raise DocumentError(Unreadable.LAYOUT_UNKNOWN, f"the root is not {root}")
    return element
