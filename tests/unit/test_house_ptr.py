import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_ptr import BEFORE_2022, MODERN, PtrLine, Style, pdf, ptr_pdf, scan_pdf

from quant.ingest.vocabulary import Note, RejectReason
from quant.parsers.asset_codes import ASSET_CODES
from quant.parsers.house_ptr import parse_house_ptr
from quant.parsers.model import DocumentError, Unreadable
from quant.vocabulary import AssetType, FilingStatus, Operation, Owner


def parse_one(line, **options):
    filing = parse_house_ptr(ptr_pdf([line], **options))
    assert len(filing.lines) + len(filing.rejects) == 1
    return filing


def read(line, **options):
    filing = parse_one(line, **options)
    assert filing.rejects == ()
    return filing.lines[0]


def fields(**labelled):
    return {"Filing Status": "New"} | {
        label.replace("_", " "): text for label, text in labelled.items()
    }


@pytest.mark.parametrize("style", [MODERN, BEFORE_2022], ids=["modern", "before 2022"])
def test_both_vintages_of_the_form(style):
    lines = [
        PtrLine(ticked=True, fields=fields(Subholding_Of="Example Trust")),
        PtrLine(owner="JT", operation="S (partial)", amount="$250,001 - $500,000"),
    ]
    first, second = parse_house_ptr(ptr_pdf(lines, style=style)).lines
    assert (first.asset, first.ticker, first.asset_code) == (
        "Example Holdings Inc. - Common Stock",
        "EXMP",
        "ST",
    )
    assert (first.status, first.subholding_of) == (FilingStatus.NEW, "Example Trust")
    assert (first.capital_gains_over_200, second.capital_gains_over_200) == (True, False)
    assert (first.owner, second.owner) == (Owner.SELF, Owner.JOINT)
    assert second.operation is Operation.SALE_PARTIAL
    assert (second.amount.lower, second.amount.upper) == (250_001, 500_000)
    assert first.notes == second.notes == ()


@pytest.mark.parametrize(
    ("code", "owner"), [("SP", Owner.SPOUSE), ("DC", Owner.DEPENDENT_CHILD), ("JT", Owner.JOINT)]
)
def test_owners(code, owner):
    assert read(PtrLine(owner=code)).owner is owner


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("P", Operation.PURCHASE),
        ("S", Operation.SALE),
        ("S (partial)", Operation.SALE_PARTIAL),
        ("E", Operation.EXCHANGE),
    ],
)
def test_operations(text, operation):
    assert read(PtrLine(operation=text)).operation is operation


@pytest.mark.parametrize("code", sorted(ASSET_CODES))
def test_every_asset_code(code):
    line = read(PtrLine(asset=f"Example [{code}]"))
    assert (line.asset, line.asset_code) == ("Example", code)
    assert line.asset_type is ASSET_CODES[code].asset_type
    assert line.ticker is None


def test_unknown_asset_code_is_kept_and_noted():
    line = read(PtrLine(asset="Example (EXMP) [ZQ]"))
    assert (line.asset_code, line.asset_type) == ("ZQ", None)
    assert line.notes == (Note.ASSET_TYPE_UNREADABLE,)


@pytest.mark.parametrize(
    ("text", "asset", "ticker"),
    [
        ("Example Inc. (The) Class A (EX.B) [ST]", "Example Inc. (The) Class A", "EX.B"),
        ("Example Trust (2030 series) [ST]", "Example Trust (2030 series)", None),
        ("Example [Series 2] Fund [ST]", "Example [Series 2] Fund", None),
        ("Example plc", "Example plc", None),
        ("Example Inc. Depositary Shares (EXM$E) [ST]", "Example Inc. Depositary Shares", "EXM$E"),
    ],
)
def test_parentheses_and_missing_tickers(text, asset, ticker):
    line = read(PtrLine(asset=text))
    assert (line.asset, line.ticker) == (asset, ticker)
    assert line.ticker_confidence == (Decimal(1) if ticker else None)


@pytest.mark.parametrize(
    ("text", "lower", "upper", "note"),
    [
        ("Over $50,000,000", 50_000_001, None, ()),
        ("Spouse/DC Over $1,000,000", 1_000_001, None, ()),
        ("$823.45", Decimal("823.45"), Decimal("823.45"), ()),
        ("$25,000,001 - $50,000,000", 25_000_001, 50_000_000, ()),
        ("$1,000 - $7,000", 1000, 7000, (Note.AMOUNT_NOT_A_CATEGORY,)),
    ],
)
def test_amounts(text, lower, upper, note):
    line = read(PtrLine(amount=text))
    assert (line.amount.lower, line.amount.upper, line.notes) == (lower, upper, note)


@pytest.mark.parametrize("status", list(FilingStatus))
def test_amended_lines_carry_their_reference(status):
    line = PtrLine(reference="2000123456", fields={"Filing Status": status.value.capitalize()})
    parsed = read(line)
    assert (parsed.status, parsed.reference) == (status, "2000123456")


def test_what_the_filer_wrote_is_joined():
    written = fields(
        Location="Synthetic City, ZZ",
        Description="Bought through a long-standing plan.",
        Comments="First line\nsecond line, which goes on " + "and on " * 20,
    )
    line = read(PtrLine(asset="Example Farm [RP]", fields=written))
    assert line.description == (
        "Bought through a long-standing plan.; First line second line, which goes on "
        + " ".join(["and on"] * 20)
        + "; Location: Synthetic City, ZZ"
    )
    assert line.raw["location"] == "Synthetic City, ZZ"


def test_none_is_no_description():
    assert read(PtrLine(fields=fields(Description="None"))).description is None


def test_option_terms_come_from_the_description():
    line = read(
        PtrLine(
            asset="Example Inc. (EXMP) [OP]",
            fields=fields(Description="Call options; Strike price $155; Expires 09/15/23"),
        )
    )
    assert line.asset_type is AssetType.STOCK_OPTION
    assert (line.option.strike, line.option.expires) == (155, date(2023, 9, 15))


LINES = st.builds(
    PtrLine,
    asset=st.sampled_from(
        [
            "Example Holdings Inc. - Class A Common Stock, New York Registry Shares (EXMP) [ST]",
            "US Treasury Bill [GS]",
            "Another Example Corporation (AEX.B) [OP]",
        ]
    ),
    operation=st.sampled_from(["P", "S", "S (partial)", "E"]),
    owner=st.sampled_from(["", "SP", "DC", "JT"]),
    amount=st.sampled_from(["$1,001 - $15,000", "$5,000,001 - $25,000,000", "Over $50,000,000"]),
    reference=st.sampled_from(["", "2000123456"]),
    ticked=st.booleans(),
    fields=st.builds(
        lambda status, trust, text: (
            {"Filing Status": status}
            | ({"Subholding Of": trust} if trust else {})
            | ({"Description": text} if text else {})
        ),
        st.sampled_from(["New", "Amended"]),
        st.sampled_from(["", "Example Trust"]),
        st.sampled_from(
            ["", "Sold on 01/08/2025 for $5,000 - $6,000 in the open market. " * 4, "None"]
        ),
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(LINES, min_size=1, max_size=12),
    st.integers(60, 600),
    st.sampled_from([MODERN, BEFORE_2022]),
)
def test_page_breaks_anywhere_change_nothing(lines, page_bottom, style):
    broken = parse_house_ptr(ptr_pdf(lines, page_bottom=page_bottom, style=style))
    assert broken.rejects == ()
    for line, entered in zip(broken.lines, lines, strict=True):
        assert line.raw["asset"] == entered.asset
        assert line.raw["amount"] == entered.amount
        assert line.raw["owner"] == entered.owner
        assert line.raw["type"] == entered.operation
        assert line.raw["id"] == entered.reference
        assert line.raw["capital_gains_box"] is entered.ticked
        assert line.raw["filing_status"] == entered.fields["Filing Status"]
        assert line.raw.get("subholding_of") == entered.fields.get("Subholding Of")
        assert line.raw.get("description", "") == entered.fields.get("Description", "").strip()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (PtrLine(day="02/30/2025"), RejectReason.TRANSACTION_DATE_UNREADABLE),
        (PtrLine(day="01/08/1925"), RejectReason.TRANSACTION_DATE_IMPLAUSIBLE),
        (PtrLine(day="01/08/2026"), RejectReason.TRANSACTION_DATE_IMPLAUSIBLE),
        (PtrLine(operation="X"), RejectReason.OPERATION_UNREADABLE),
        (PtrLine(operation=""), RejectReason.OPERATION_UNREADABLE),
        (PtrLine(amount="a lot"), RejectReason.AMOUNT_UNREADABLE),
        (
            PtrLine(owner="", day="", notification="", operation="", amount=""),
            RejectReason.ROW_MALFORMED,
        ),
    ],
)
def test_a_line_without_its_parts_is_rejected_alone(line, reason):
    good = PtrLine()
    filing = parse_house_ptr(ptr_pdf([good, good, line]))
    assert [reject.reason for reject in filing.rejects] == [reason]
    # A row without any of its parts cannot be told from the one before, which goes with it.
    assert len(filing.lines) == (1 if reason is RejectReason.ROW_MALFORMED else 2)
    assert "Example" in filing.rejects[0].raw["asset"]


@pytest.mark.parametrize("labels", [{}, {"Filing Stage": "New"}, fields(Account_Type="IRA")])
def test_a_transaction_with_other_labels_is_rejected(labels):
    filing = parse_house_ptr(ptr_pdf([PtrLine(), PtrLine(fields=labels)]))
    assert len(filing.lines) == 1
    assert [reject.reason for reject in filing.rejects] == [RejectReason.ROW_MALFORMED]


@pytest.mark.parametrize(
    ("notification", "note"),
    [
        ("", Note.NOTIFICATION_DATE_UNREADABLE),
        ("01/10/1935", Note.NOTIFICATION_DATE_UNREADABLE),
        ("01/07/2025", Note.NOTIFICATION_BEFORE_TRANSACTION),
        ("01/28/2025", Note.NOTIFICATION_AFTER_SIGNATURE),
    ],
)
def test_impossible_notification_is_null_with_a_note(notification, note):
    line = read(PtrLine(notification=notification))
    assert (line.notification_date, line.notes) == (None, (note,))


def test_unreadable_parts_are_null_with_a_note():
    line = read(
        PtrLine(owner="XX", fields={"Filing Status": "Unheard of"}), style=Style(boxes=False)
    )
    assert (line.owner, line.status, line.capital_gains_over_200) == (None, None, None)
    assert line.notes == (
        Note.CAPITAL_GAINS_UNREADABLE,
        Note.FILING_STATUS_UNREADABLE,
        Note.OWNER_UNREADABLE,
    )


def test_scans_wait_for_a_review():
    filing = parse_house_ptr(scan_pdf(3), doc_id="9115678")
    assert (filing.paper, filing.doc_id, filing.filer, filing.lines) == (True, "9115678", None, ())


LAST_PAGE_LOST = ptr_pdf([PtrLine()], page_bottom=430).replace(
    b"/Count 2/Kids[7 0 R 9 0 R]", b"/Count 1/Kids[7 0 R      ]"
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Unreadable.NOT_THIS_FORMAT),
        (b"<html>Not found</html>", Unreadable.NOT_THIS_FORMAT),
        (b"%PDF-1.4\nnothing else", Unreadable.DAMAGED),
        (pdf([b""]), Unreadable.LAYOUT_UNKNOWN),
        (scan_pdf(), Unreadable.LAYOUT_UNKNOWN),  # whose, nobody says
        (ptr_pdf([]), Unreadable.LAYOUT_UNKNOWN),
        (ptr_pdf([PtrLine()], title="Financial Disclosure Report"), Unreadable.LAYOUT_UNKNOWN),
        (ptr_pdf([PtrLine()], doc_id="none"), Unreadable.LAYOUT_UNKNOWN),
        (ptr_pdf([PtrLine()], name=""), Unreadable.LAYOUT_UNKNOWN),
        (ptr_pdf([PtrLine()], signed=""), Unreadable.LAYOUT_UNKNOWN),
        (ptr_pdf([PtrLine(fields={})] * 3), Unreadable.LAYOUT_UNKNOWN),
        (LAST_PAGE_LOST, Unreadable.LAYOUT_UNKNOWN),
        (ptr_pdf([PtrLine()] * 400, page_bottom=640), Unreadable.TOO_LARGE),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_documents_are_refused(content, reason):
    with pytest.raises(DocumentError) as refused:
        parse_house_ptr(content)
    assert refused.value.reason == reason


@pytest.mark.parametrize("page", [0, 1, 2, 3])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_a_page_that_lost_its_content_is_noticed(page, kept):
    content = ptr_pdf([PtrLine()] * 45, packed=False)
    streams = [
        found.span(1) for found in re.finditer(rb"stream\n(1 0 0.*?)endstream", content, re.S)
    ]
    assert len(streams) == 4
    start, end = streams[page]
    start += int((end - start) * kept)
    with pytest.raises(DocumentError) as refused:
        parse_house_ptr(content[:start] + b" " * (end - start) + content[end:])
    assert refused.value.reason == Unreadable.LAYOUT_UNKNOWN


def test_the_document_must_be_the_one_asked_for():
    content = ptr_pdf([PtrLine()], doc_id="20999001")
    assert parse_house_ptr(content, doc_id="20999001").doc_id == "20999001"
    with pytest.raises(DocumentError) as refused:
        parse_house_ptr(content, doc_id="20999002")
    assert refused.value.reason == Unreadable.OTHER_DOCUMENT
