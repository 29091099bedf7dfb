"""Read the columns of a PTR as the sources spell them; none of these functions raises.

Amount categories: 5 U.S.C. 13104(d) and the chambers' PTR forms.
"""

import html
import re
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from quant.ingest.vocabulary import Note
from quant.vocabulary import AssetType, Operation, Owner

# Ways to leave a column empty.
_BLANK: Final = frozenset({"", "-", "--", "n/a", "none", "unknown"})

FIRST_DATE: Final = date(1990, 1, 1)  # the schema's lower bound of a transaction date

# Lower to upper bound of each amount category, in US dollars.
CATEGORIES: Final = {
    Decimal(lower): Decimal(upper)
    for lower, upper in (
        (1_001, 15_000),
        (15_001, 50_000),
        (50_001, 100_000),
        (100_001, 250_000),
        (250_001, 500_000),
        (500_001, 1_000_000),
        (1_000_001, 5_000_000),
        (5_000_001, 25_000_000),
        (25_000_001, 50_000_000),
    )
}
# Categories without an upper bound; the first one is for a spouse's or child's asset.
_OPEN_CATEGORIES: Final = (Decimal(1_000_000), Decimal(50_000_000))
_LARGEST_AMOUNT: Final = Decimal(10) ** 13  # the column holds 16 digits, two of them cents

_TAG: Final = re.compile(r"<(/?)(a|b|br|div|em|i|p|small|span|strong)\b[^<>]*>", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:amp|gt|lt|nbsp|quot);")
_BLOCK_TAGS: Final = frozenset({"br", "div", "p"})
_DATE_US: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_DATE_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_MONEY: Final = r"\$?\s*(\d[\d,]*(?:\.\d{1,2})?)"
_RANGE: Final = re.compile(rf"{_MONEY}\s*[-\u2013]\s*(?:{_MONEY})?", re.ASCII)
_OVER: Final = re.compile(rf"(?:spouse/dc\s+)?over\s+{_MONEY}", re.ASCII | re.IGNORECASE)
_EXACT: Final = re.compile(_MONEY, re.ASCII)
_SYMBOL: Final = re.compile(r"[A-Z0-9.^-]{1,24}", re.ASCII)

_OPERATIONS: Final = {
    "purchase": Operation.PURCHASE,
    "p": Operation.PURCHASE,
    "sale": Operation.SALE,
    "s": Operation.SALE,
    "sale (full)": Operation.SALE_FULL,
    "s (full)": Operation.SALE_FULL,
    "sale (partial)": Operation.SALE_PARTIAL,
    "s (partial)": Operation.SALE_PARTIAL,
    "exchange": Operation.EXCHANGE,
    "e": Operation.EXCHANGE,
}

_OWNERS: Final = {
    "self": Owner.SELF,
    "spouse": Owner.SPOUSE,
    "sp": Owner.SPOUSE,
    "joint": Owner.JOINT,
    "jt": Owner.JOINT,
    "child": Owner.DEPENDENT_CHILD,
    "dependent child": Owner.DEPENDENT_CHILD,
    "dc": Owner.DEPENDENT_CHILD,
}

_ASSET_TYPES: Final = {
    "stock": AssetType.STOCK,
    "stock option": AssetType.STOCK_OPTION,
    "option": AssetType.STOCK_OPTION,
    "corporate bond": AssetType.CORPORATE_BOND,
    "government security": AssetType.GOVERNMENT_SECURITY,
    "municipal security": AssetType.MUNICIPAL_SECURITY,
    "mutual fund": AssetType.FUND,
    "non-public stock": AssetType.NON_PUBLIC_STOCK,
    "cryptocurrency": AssetType.CRYPTOCURRENCY,
    "commodities/futures contract": AssetType.OTHER,
    "other": AssetType.OTHER,
    "other securities": AssetType.OTHER,
}


class Amount(NamedTuple):
    """An amount in US dollars; ``upper`` is None for a category without an upper bound."""

    lower: Decimal
    upper: Decimal | None
    note: Note | None = None


def text_of(value: object) -> str:
    """Return a column as text; None and values that are not text or numbers give ''."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    return ""


def clean_text(value: object) -> str:
    """Return text without markup: a line break of the markup becomes '; '.

    ``'A <div class="text-muted">Option Type: Put <br><em>Strike price:</em> $5</div>'`` gives
    ``'A; Option Type: Put; Strike price: $5'``.
    """

    def replace(tag: re.Match[str]) -> str:
        return "\x1f" if tag[2].lower() in _BLOCK_TAGS else " "

    # A separator of the source's own would be taken for one of ours.
    marked = _TAG.sub(replace, text_of(value).replace("\x1f", " "))
    parts = (" ".join(printable(_unescape(part)).split()) for part in marked.split("\x1f"))
    return "; ".join(part for part in parts if part)


def _unescape(text: str) -> str:
    # Some texts were escaped twice: "Merck &amp;amp; Co."
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), html.unescape(text))


def printable(text: str) -> str:
    """Return text with control characters, which no form holds, replaced by spaces."""
    return "".join(char if char.isprintable() else " " for char in text)


def is_blank(text: str) -> bool:
    """Say whether a column is left empty, in any of the ways the sources do that."""
    return text.strip().lower() in _BLANK


def parse_date(value: object) -> date | None:
    """Read ``MM/DD/YYYY`` or ``YYYY-MM-DD``; None where there is no such day."""
    text = text_of(value).strip()
    if match := _DATE_US.fullmatch(text):
        month, day, year = map(int, match.groups())
    elif match := _DATE_ISO.fullmatch(text):
        year, month, day = map(int, match.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _money(digits: str) -> Decimal:
    return Decimal(digits.replace(",", ""))


def parse_amount(value: object) -> Amount | None:
    """Read an amount category or an exact amount.

    The categories are a closed set, so the lower bound alone fixes one whose upper bound the
    source lost ('$15,001 -').

    Returns:
        The amount, or None where none can be read or the bounds are out of order.
    """
    text = " ".join(text_of(value).split())
    if match := _OVER.fullmatch(text):
        floor = _money(match[1])
        return Amount(floor + 1, None) if floor in _OPEN_CATEGORIES else None
    if match := _RANGE.fullmatch(text):
        lower = _money(match[1])
        if match[2] is None:
            upper = CATEGORIES.get(lower)
            return Amount(lower, upper, Note.AMOUNT_UPPER_BOUND_MENDED) if upper else None
        stated = _money(match[2])
        if not lower <= stated < _LARGEST_AMOUNT:
            return None
        note = None if CATEGORIES.get(lower) == stated else Note.AMOUNT_NOT_A_CATEGORY
        return Amount(lower, stated, note)
    if match := _EXACT.fullmatch(text):
        exact = _money(match[1])
        return Amount(exact, exact) if exact < _LARGEST_AMOUNT else None
    return None


def parse_operation(value: object) -> Operation | None:
    """Read the transaction type; None where it is none of the form's."""
    return _OPERATIONS.get(" ".join(text_of(value).lower().split()))


def parse_owner(value: object) -> tuple[Owner | None, Note | None]:
    """Read the owner column; an empty one gives no note."""
    text = " ".join(text_of(value).lower().split())
    if is_blank(text):
        return None, None
    owner = _OWNERS.get(text)
    return owner, None if owner else Note.OWNER_UNREADABLE


def parse_asset_type(value: object) -> tuple[AssetType | None, Note | None]:
    """Read the asset type; an empty one gives no note."""
    text = " ".join(text_of(value).lower().split())
    if is_blank(text):
        return None, None
    asset_type = _ASSET_TYPES.get(text)
    return asset_type, None if asset_type else Note.ASSET_TYPE_UNREADABLE


def parse_ticker(value: object) -> tuple[str | None, Note | None]:
    """Read an exchange symbol such as 'BRK-B', 'RDSA.AS', '^MWE' or an option's OCC symbol."""
    text = text_of(value).strip()
    if is_blank(text):
        return None, None
    symbol = text.upper()
    if _SYMBOL.fullmatch(symbol) and any(char.isalnum() for char in symbol):
        return symbol, None
    return None, Note.TICKER_UNREADABLE


def parse_comment(value: object) -> str | None:
    """Return the comment without markup, None where there is none."""
    text = clean_text(value)
    return None if is_blank(text) else text
