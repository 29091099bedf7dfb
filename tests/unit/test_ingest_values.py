import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.ingest.bulk import copy_text
from quant.ingest.files import storable
from quant.ingest.values import (
    CATEGORIES,
    clean_text,
    parse_amount,
    parse_asset_type,
    parse_comment,
    parse_date,
    parse_operation,
    parse_owner,
    parse_ticker,
)
from quant.ingest.vocabulary import Note
from quant.vocabulary import AssetType, Operation, Owner

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())
)
MONEYISH = st.text(alphabet="$0123456789,.- \n\u2013Over", max_size=40)


@pytest.mark.parametrize(
    ("text", "lower", "upper", "note"),
    [
        ("$1,001 - $15,000", 1001, 15000, None),
        ("$15,001 -\n$50,000", 15001, 50000, None),
        ("$15,001 -", 15001, 50000, Note.AMOUNT_UPPER_BOUND_MENDED),
        ("$25,000,001 -", 25_000_001, 50_000_000, Note.AMOUNT_UPPER_BOUND_MENDED),
        ("$999.64", Decimal("999.64"), Decimal("999.64"), None),
        ("$4,450.50", Decimal("4450.50"), Decimal("4450.50"), None),
        ("Over $50,000,000", 50_000_001, None, None),
        ("Over $1,000,000", 1_000_001, None, None),
        ("$1,000 - $7,000", 1000, 7000, Note.AMOUNT_NOT_A_CATEGORY),
    ],
)
def test_amount_read(text, lower, upper, note) -> None:
    assert parse_amount(text) == (lower, upper, note)


@pytest.mark.parametrize(
    "text",
    [
        "Unknown",
        "",
        None,
        "$",
        "$15,002 -",
        "$50,000 - $15,001",
        "Over $2",
        "$-5",
        "$1.234",
        "$99999999999999999999",
        "\u0661\u0662 - \u0663",
        True,
    ],
)
def test_amount_unreadable(text) -> None:
    assert parse_amount(text) is None


@given(st.one_of(ANYTHING, MONEYISH))
def test_amount_bounds_in_order(value) -> None:
    amount = parse_amount(value)
    if amount is not None:
        assert amount.lower >= 0
        assert amount.upper is None or amount.lower <= amount.upper
        assert amount.note is not Note.AMOUNT_UPPER_BOUND_MENDED or amount.lower in CATEGORIES


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.sampled_from([" - ", "-", " -\n", " \u2013 "]),
)
def test_amount_range_read_back(one, other, dash) -> None:
    lower, upper = sorted((one, other))
    amount = parse_amount(f"${lower:,}{dash}${upper:,}")
    assert amount is not None
    assert (amount.lower, amount.upper) == (lower, upper)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("02/29/2020", datetime.date(2020, 2, 29)),
        ("2/9/2020", datetime.date(2020, 2, 9)),
        ("2020-02-09", datetime.date(2020, 2, 9)),
        ("09/19/2202", datetime.date(2202, 9, 19)),
        ("02/30/2020", None),
        ("00/10/2020", None),
        ("10/10/20", None),
        ("--", None),
        (20200101, None),
    ],
)
def test_date(text, day) -> None:
    assert parse_date(text) == day


@given(st.dates())
def test_date_read_back(day) -> None:
    assert parse_date(day.isoformat()) == day
    assert parse_date(f"{day.month:02}/{day.day:02}/{day.year:04}") == day


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (
            'Comcast Corporation <div class="text-muted">Option Type: Put <br>'
            "<em>Strike price:</em> $42.50 <br> <em>Expires:</em> 07/17/2020 </div>",
            "Comcast Corporation; Option Type: Put; Strike price: $42.50; Expires: 07/17/2020",
        ),
        (
            'FS Corp <div class="text-muted"><em>Rate/Coupon:</em> 4.0%<br> <em>Matures:</em>'
            " 07/15/2019</div>",
            "FS Corp; Rate/Coupon: 4.0%; Matures: 07/15/2019",
        ),
        (
            "DOW (Exchanged) <br> DowDuPont Inc. (Received)",
            "DOW (Exchanged); DowDuPont Inc. (Received)",
        ),
        ("AT&amp;T,&nbsp;Inc.  (NYSE)", "AT&T, Inc. (NYSE)"),
        ("Merck &amp;amp; Co. Inc.", "Merck & Co. Inc."),
        ("S&P 500", "S&P 500"),
        ("a < b > c", "a < b > c"),
        ("tab\tand\x00nul\x1f", "tab and nul"),
        (None, ""),
    ],
)
def test_markup_becomes_text(markup, text) -> None:
    assert clean_text(markup) == text


@given(ANYTHING)
def test_clean_text_is_one_printable_line(value) -> None:
    text = clean_text(value)
    assert text.isprintable()
    assert text == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "symbol", "note"),
    [
        ("BRK-B", "BRK-B", None),
        ("RDSA.AS", "RDSA.AS", None),
        ("^MWE", "^MWE", None),
        ("SPY160219P00180000", "SPY160219P00180000", None),
        ("msft ", "MSFT", None),
        ("--", None, None),
        ("N/A", None, None),
        ("BRK B", None, Note.TICKER_UNREADABLE),
        ("...", None, Note.TICKER_UNREADABLE),
        ("A" * 25, None, Note.TICKER_UNREADABLE),
        ("\u0130BM", None, Note.TICKER_UNREADABLE),
    ],
)
def test_ticker(text, symbol, note) -> None:
    assert parse_ticker(text) == (symbol, note)


def test_closed_columns() -> None:
    assert parse_operation("Sale (Full)") is Operation.SALE_FULL
    assert parse_operation("sale") is Operation.SALE
    assert parse_operation("N/A") is None
    assert parse_owner("Dependent Child") == (Owner.DEPENDENT_CHILD, None)
    assert parse_owner("N/A") == (None, None)
    assert parse_owner("Cousin") == (None, Note.OWNER_UNREADABLE)
    assert parse_asset_type("Other Securities") == (AssetType.OTHER, None)
    assert parse_asset_type("") == (None, None)
    assert parse_asset_type("Yacht") == (None, Note.ASSET_TYPE_UNREADABLE)
    assert parse_comment("--") is None
    assert parse_comment("ANANIA &amp; CO") == "ANANIA & CO"


@given(ANYTHING)
def test_no_parser_raises(value) -> None:
    for parse in (parse_operation, parse_owner, parse_asset_type, parse_ticker, parse_comment):
        parse(value)


@given(st.text())
def test_storable_text_is_accepted_by_postgres(text) -> None:
    stored = storable({text: [text]})
    assert "\x00" not in str(stored)
    str(stored).encode()


def test_storable_mends_surrogates_and_nul() -> None:
    assert storable(["a\x00b", "\ud800"]) == ["ab", "?"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\\N"),
        (True, "t"),
        ("\\N", "\\\\N"),
        ("a\tb\nc\rd\\", "a\\tb\\nc\\rd\\\\"),
        (Owner.SELF, "self"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (("a", 'b"'), '{"a","b\\\\""}'),
        ((), "{}"),
        ({"a": "b\n"}, '{"a": "b\\\\n"}'),
    ],
)
def test_copy_format(value, text) -> None:
    assert copy_text(value) == text
