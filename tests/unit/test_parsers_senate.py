import gzip
import html
import json
from collections import defaultdict
from dataclasses import asdict
from datetime import date
from decimal import Decimal

import pytest
from senate_support import (
    BOND,
    COLUMNS,
    DOC_ID,
    OPTION,
    paper_page,
    ptr_page,
    search_page,
    search_row,
)

from quant.ingest.watchers import parse_senate
from quant.parsers.model import DocumentError, OptionTerms
from quant.parsers.senate_index import parse_senate_index
from quant.parsers.senate_ptr import parse_senate_paper, parse_senate_ptr

UNCLEAR = ("option_terms_unclear",)
OTHER_ID = "11111111-2222-4333-8444-555555555555"


def only_line(**changes):
    filing = parse_senate_ptr(ptr_page([changes]), doc_id=DOC_ID)
    assert filing.rejects == ()
    (line,) = filing.lines
    return line


def reason(parse, content, doc_id=DOC_ID):
    with pytest.raises(DocumentError) as error:
        parse(content, doc_id=doc_id)
    return error.value.reason


def test_a_report_is_read_in_the_order_of_its_numbers():
    filing = parse_senate_ptr(
        ptr_page([{"Owner": "Spouse"}, {"Owner": "Joint"}, {"Owner": "Child"}]),
        doc_id=DOC_ID.upper(),
    )
    assert [(line.line_number, line.owner) for line in filing.lines] == [
        (1, "spouse"),
        (2, "joint"),
        (3, "dependent_child"),
    ]
    assert (filing.source, filing.doc_id, filing.parser) == ("senate_efd", DOC_ID, "senate-ptr/1")
    assert (filing.filed_date, filing.amendment_number) == (date(2026, 6, 12), None)
    assert (filing.filer.alias, filing.filer.chamber) == ("synthia member", "senate")
    assert not filing.paper


def test_every_column_of_a_line():
    line = only_line(Comment="Bought by the broker<br>at his discretion")
    values = asdict(line)
    del values["raw"]
    assert values == {
        "line_number": 1,
        "asset": "Synthetic Corp. Common Stock",
        "operation": "purchase",
        "transaction_date": date(2026, 5, 6),
        "amount": (Decimal(1001), Decimal(15000), None),
        "status": None,
        "reference": None,
        "owner": "self",
        "ticker": "SYN",
        "ticker_confidence": Decimal(1),
        "asset_code": None,
        "asset_type": "stock",
        "notification_date": None,
        "capital_gains_over_200": None,
        "subholding_of": None,
        "description": "Bought by the broker; at his discretion",
        "option": None,
        "notes": (),
    }
    assert set(line.raw) == set(COLUMNS)
    assert line.raw["Ticker"] == "SYN"


def test_options_are_read_with_their_terms():
    line = only_line(**{"Asset Name": OPTION, "Asset Type": "Stock Option"})
    assert (
        line.asset == "Synthetic Corp.; Option Type: Put; Strike price: $87.50; Expires: 06/19/2026"
    )
    assert line.asset_type == "stock_option"
    assert line.option == OptionTerms("put", Decimal("87.50"), date(2026, 6, 19))


@pytest.mark.parametrize(
    ("fields", "terms", "notes"),
    [
        ("Option Type: Neither<br>Strike price: $24.96", (None, Decimal("24.96"), None), ()),
        ("Option Type: Call<br>Strike price: $1,250<br>Expires: --", ("call", 1250, None), ()),
        ("Option Type: Swap<br>Expires: 2026-08-21", (None, None, date(2026, 8, 21)), UNCLEAR),
        ("Strike price: about $5<br>Expires: 08/21/2026", (None, None, date(2026, 8, 21)), UNCLEAR),
        ("Option Type: Put<br>Expires: 02/30/2026", ("put", None, None), UNCLEAR),
    ],
)
def test_terms_that_are_not_stated_are_null(fields, terms, notes):
    line = only_line(**{"Asset Name": f"X <div>{fields}</div>", "Asset Type": "Stock Option"})
    assert (line.option.option_type, line.option.strike, line.option.expires) == terms
    assert line.notes == notes


def test_comments_state_the_number_of_options():
    comment = "Sold 10 put options"
    line = only_line(**{"Asset Name": OPTION, "Asset Type": "Stock Option", "Comment": comment})
    assert (line.option.option_type, line.option.contracts) == ("put", 10)
    assert only_line(**{"Asset Type": "Stock Option"}).option is None


def test_details_below_an_asset_belong_to_it():
    line = only_line(**{"Asset Name": BOND, "Asset Type": "Municipal Security", "Ticker": "--"})
    assert line.asset == "SYNTHETIC CITY WATER REV; Rate/Coupon: 5.0%; Matures: 2036-04-15"
    assert (line.ticker, line.ticker_confidence, line.option) == (None, None, None)


@pytest.mark.parametrize(
    ("cell", "ticker"),
    [
        ("<a>WPZ</a><br><a>WMB</a>", "WPZ"),
        ("-- <br> AMCR", "AMCR"),
        ("--<br>--", None),
        ("", None),
        ("brk.b", "BRK.B"),
    ],
)
def test_of_an_exchange_the_first_stated_symbol_counts(cell, ticker):
    line = only_line(Type="Exchange", Ticker=cell)
    assert (line.operation, line.ticker, line.notes) == ("exchange", ticker, ())


@pytest.mark.parametrize(
    ("changes", "field", "note"),
    [
        ({"Owner": "Trust"}, "owner", "owner_unreadable"),
        ({"Ticker": "S&amp;P"}, "ticker", "ticker_unreadable"),
        ({"Asset Type": "Whisky"}, "asset_type", "asset_type_unreadable"),
    ],
)
def test_an_unreadable_field_is_null_with_a_reason(changes, field, note):
    line = only_line(**changes)
    assert getattr(line, field) is None
    assert line.notes == (note,)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Transaction Date": "02/31/2026"}, "transaction_date_unreadable"),
        ({"Transaction Date": "05/06/1026"}, "transaction_date_implausible"),
        ({"Transaction Date": "06/13/2026"}, "transaction_date_implausible"),
        ({"Type": "Gift"}, "operation_unreadable"),
        ({"Amount": "Unascertainable"}, "amount_unreadable"),
    ],
)
def test_a_line_without_what_a_trade_needs_is_rejected_alone(changes, expected):
    filing = parse_senate_ptr(ptr_page([{}, changes, {}]), doc_id=DOC_ID)
    assert [line.line_number for line in filing.lines] == [1, 3]
    (rejected,) = filing.rejects
    assert (rejected.line_number, rejected.reason) == (2, expected)
    assert rejected.raw["#"] == "2"


@pytest.mark.parametrize(("text", "number"), [(None, None), (1, 1), (12, 12)])
def test_amendments_are_numbered(text, number):
    filing = parse_senate_ptr(ptr_page([{}], amendment=text), doc_id=DOC_ID)
    assert (filing.amendment_number, filing.amends) == (number, None)


@pytest.mark.parametrize(
    ("heading", "alias"),
    [
        ("The Honorable\n Gary C\n Person \n (Person, Gary C)", "gary c person"),
        ("Mr. Alan Person (Person, Alan)", "alan person"),
        ("The Honorable Person, Jr. (Person, Jr., Pat)", "person"),
        ("The Honorable Pat (Patty) Person", "pat (patty) person"),
    ],
)
def test_filers_are_named_without_titles(heading, alias):
    assert parse_senate_ptr(ptr_page([{}], filer=heading), doc_id=DOC_ID).filer.alias == alias


def test_another_layout_is_never_read():
    renamed = [column.replace("Owner", "Holder") for column in COLUMNS]
    page = ptr_page([{"Holder": "Self"}], columns=renamed)
    assert reason(parse_senate_ptr, page) == "layout_unknown"
    swapped = (*COLUMNS[:3], *COLUMNS[4:], "Ticker")
    assert reason(parse_senate_ptr, ptr_page([{}], columns=swapped)) == "layout_unknown"
    assert reason(parse_senate_ptr, ptr_page([])) == "layout_unknown"
    assert reason(parse_senate_ptr, ptr_page([{}], filer="")) == "layout_unknown"
    assert reason(parse_senate_ptr, ptr_page([{}], filed="02/31/2026")) == "layout_unknown"
    assert reason(parse_senate_ptr, ptr_page([{"#": "x"}])) == "layout_unknown"
    assert reason(parse_senate_ptr, ptr_page([{"#": "1"}, {"#": "1"}])) == "layout_unknown"
    agreement = b"<html><h1>eFD: Home</h1><form><input name='prohibition_agreement'></form></html>"
    assert reason(parse_senate_ptr, agreement) == "layout_unknown"
    assert reason(parse_senate_ptr, paper_page()) == "layout_unknown"
    assert reason(parse_senate_paper, ptr_page([{}])) == "layout_unknown"


def test_missing_lines_are_noticed():
    whole = ptr_page([{}, {}, {}])
    assert reason(parse_senate_ptr, whole[: whole.index(b"</tbody>")]) == "damaged"
    for number in (b"1", b"2", b"3"):
        start = whole.index(b"<tr><td>\n  " + number)
        row = whole[start : whole.index(b"</tr>", start) + 5]
        assert reason(parse_senate_ptr, whole.replace(row, b"")) == "damaged"
    assert reason(parse_senate_ptr, ptr_page([{}], total="(2 transactions total)")) == "damaged"


def test_a_page_that_is_no_html_is_refused():
    assert reason(parse_senate_ptr, b"") == "not_this_format"
    assert reason(parse_senate_ptr, b"%PDF-1.4") == "not_this_format"
    assert reason(parse_senate_ptr, b"<html>" + b"<" * 200_000 + b"</html>") == "too_large"


def test_scans_are_recognised_and_not_read():
    filing = parse_senate_paper(paper_page(3), doc_id=DOC_ID)
    assert filing.paper
    assert (filing.lines, filing.filer, filing.filed_date) == ((), None, None)
    assert reason(parse_senate_paper, paper_page(2, total=3)) == "damaged"
    assert reason(parse_senate_paper, paper_page(0)) == "layout_unknown"
    assert reason(parse_senate_paper, paper_page(doc_id=OTHER_ID)) == "other_document"


def test_control_characters_stay_outside():
    line = only_line(Comment="a\x01b\x1fc&#31;d", **{"Asset Name": "x\x00y"})
    assert line.description == "a b c d"
    assert all(text.isprintable() for text in line.raw.values())


def test_search_results_are_read():
    rows = [
        search_row(),
        search_row(
            OTHER_ID.upper(),
            first="RICHARD ",
            last="MEMBER,  ",
            title="Periodic Transaction Report for 01/02/2026 (Amendment 2)",
            kind="paper",
            submitted="",
        ),
        search_row(title="Annual Report for CY 2025", kind="annual"),
        search_row(title="Extension", kind="extension-notice/regular"),
    ]
    first, second, *others = parse_senate_index(search_page(rows))
    assert (first.doc_id, first.is_ptr, first.paper) == (DOC_ID, True, False)
    assert (first.filed_date, first.amendment_number) == (date(2026, 6, 12), None)
    assert first.filer.alias == "synthia member"
    assert (second.doc_id, second.is_ptr, second.paper) == (OTHER_ID, True, True)
    assert (second.filed_date, second.amendment_number) == (None, 2)
    assert second.filer.display_name == "RICHARD MEMBER"
    assert not any(entry.is_ptr for entry in others)
    assert parse_senate_index(search_page([])) == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not_this_format"),
        (b"<html></html>", "not_this_format"),
        (b"\xff\xfe", "not_this_format"),
        (b"[" * 100_000, "not_this_format"),
        (b"[" + b"9" * 5_000 + b"]", "not_this_format"),
        (b" " * (8 << 20) + b"{}", "too_large"),
        (b"[]", "layout_unknown"),
        (b'{"data": {}}', "layout_unknown"),
        (search_page([["a", "b", "c", "d"]]), "layout_unknown"),
        (search_page([["a", "b", "c", "d", None]]), "layout_unknown"),
        (search_page([["a", "b", "c", "no link", "01/01/2026"]]), "layout_unknown"),
        (search_page([search_row(kind="../etc")]), "layout_unknown"),
        (search_page([search_row("not-a-uuid")]), "layout_unknown"),
        (search_page([search_row().copy(), "row"]), "layout_unknown"),
    ],
)
def test_other_search_results_are_refused(content, expected):
    with pytest.raises(DocumentError) as error:
        parse_senate_index(content)
    assert error.value.reason == expected


def test_links_to_other_sites_are_refused():
    row = search_row()
    row[3] = row[3].replace("/search", "https://example.org/search")
    with pytest.raises(DocumentError):
        parse_senate_index(search_page([row]))


@pytest.mark.realdata
def test_real_cells_read_as_the_import_reads_them(data_dir):
    """Cells as published, put back into pages: options, bonds, exchanges, escapes."""
    path = data_dir / "senate" / "senate_stock_watcher_2012_2020.json.gz"
    rows = json.loads(gzip.decompress(path.read_bytes()))
    filings = defaultdict(list)
    for row in rows:
        if "/view/ptr/" in row["ptr_link"]:
            filings[row["ptr_link"]].append(row)
    read = 0
    options = 0
    for link, lines in filings.items():
        cells = [
            {
                "Transaction Date": row["transaction_date"],
                "Owner": row["owner"],
                "Ticker": row["ticker"],
                "Asset Name": row["asset_description"],
                "Asset Type": row["asset_type"] or "",
                "Type": row["type"],
                "Amount": row["amount"],
                "Comment": row["comment"],
            }
            for row in lines
        ]
        filing = parse_senate_ptr(ptr_page(cells, filed="12/31/2020 @ 1:00 PM"), doc_id=DOC_ID)
        imported = parse_senate(lines, as_of=date(2020, 12, 31))
        assert (len(filing.lines), filing.rejects) == (len(imported.lines), ()), link
        for line, expected in zip(filing.lines, imported.lines, strict=True):
            assert (line.transaction_date, line.owner, line.ticker) == (
                expected.transaction_date,
                expected.owner,
                expected.ticker,
            )
            assert (line.operation, line.amount) == (expected.operation, expected.amount)
            assert line.asset_type == expected.asset_type
            # Only spaces beside tags differ, and one entity that was escaped twice.
            assert squeezed(line.asset) == squeezed(html.unescape(expected.asset))
            assert squeezed(line.description) == squeezed(expected.comment)
            if line.asset_type == "stock_option":
                options += 1
                assert line.option is not None, line.asset
        read += len(filing.lines)
    assert (read, options) == (7_887, 84)


def squeezed(text):
    return "".join((text or "").split())
