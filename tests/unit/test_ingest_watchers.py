import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from quant.ingest.files import SourceFile, UnreadableFileError, read_json_rows, read_source
from quant.ingest.synthetic import write_sample
from quant.ingest.vocabulary import Note, RejectReason
from quant.ingest.watchers import Line, parse_filing_index, parse_house, parse_senate
from quant.vocabulary import AssetType, FilingSource, Operation, Owner

AS_OF = date(2026, 6, 1)
DOC = "b5a1c5b2-33a2-4b43-8cb5-1a3b0f5b8d1e"

SENATE_ROW = {
    "transaction_date": "11/10/2020",
    "owner": "Spouse",
    "ticker": "BYND",
    "asset_description": "Beyond Meat, Inc.",
    "asset_type": "Stock",
    "type": "Sale (Full)",
    "amount": "$50,001 - $100,000",
    "comment": "--",
    "senator": "Ann L Doe",
    "ptr_link": f"https://efdsearch.senate.gov/search/view/ptr/{DOC}/",
}
HOUSE_ROW = {
    "transaction_date": "09/09/2022",
    "disclosure_date": "09/19/2022",
    "ticker": "NEWT",
    "asset_description": "Newtek Business Services Corp.",
    "asset_type": "Stock",
    "type": "Purchase",
    "amount": "$1,001 -\n$15,000",
    "representative": "Ann Doe",
    "district": "NC05",
    "owner": "Dependent Child",
    "filing_id": "20021790",
    "source_url": "https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/2022/20021790.pdf",
}


def senate(**changes):
    return parse_senate([SENATE_ROW | changes], as_of=AS_OF)


def house(filed=None, **changes):
    dates = {"20021790": filed} if filed else {}
    return parse_house([HOUSE_ROW | changes], as_of=AS_OF, filing_dates=dates)


def only_line(parsed) -> Line:
    assert not parsed.rejects
    return parsed.lines[0]


def only_reject(parsed):
    assert not parsed.lines
    return parsed.rejects[0]


def test_senate_row() -> None:
    line = only_line(senate())
    assert (line.filer.display_name, line.filer.alias) == ("Ann L Doe", "ann l doe")
    assert (line.filing.source, line.filing.doc_id) == (FilingSource.SENATE_EFD, DOC)
    assert (line.owner, line.ticker, line.asset_type) == (Owner.SPOUSE, "BYND", AssetType.STOCK)
    assert line.operation is Operation.SALE_FULL
    assert line.transaction_date == date(2020, 11, 10)
    assert line.amount == (Decimal(50001), Decimal(100000), None)
    assert (line.comment, line.disclosure_date, line.notes) == (None, None, ())
    assert line.raw == SENATE_ROW


def test_house_row() -> None:
    line = only_line(house(filed=date(2022, 10, 12)))
    assert line.filer.alias == "ann doe, nc"
    assert (line.filer.state, line.filer.district) == ("NC", 5)
    assert (line.filing.source, line.filing.doc_id) == (FilingSource.HOUSE_CLERK, "20021790")
    assert line.filing.filed_date == date(2022, 10, 12)
    assert line.owner is Owner.DEPENDENT_CHILD
    assert (line.notification_date, line.disclosure_date) == (
        date(2022, 9, 19),
        date(2022, 10, 12),
    )
    assert line.notes == ()


@pytest.mark.parametrize(
    ("filed", "row", "expected", "notes"),
    [
        (None, "09/09/2022 09/19/2022", ("2022-09-19", None), "disclosure_date_unknown"),
        (
            None,
            "03/13/2025 03/28/1935",
            (None, None),
            "disclosure_date_unknown notification_date_unreadable",
        ),
        (
            None,
            "03/13/2025 03/28/2202",
            (None, None),
            "disclosure_date_unknown notification_date_unreadable",
        ),
        (
            None,
            "02/17/2022 01/17/2022",
            (None, None),
            "disclosure_date_unknown notification_before_transaction",
        ),
        (
            "2025-04-11",
            "03/13/2025 03/28/1935",
            (None, "2025-04-11"),
            "notification_date_unreadable",
        ),
        (
            "2022-03-07",
            "02/17/2022 01/17/2022",
            (None, "2022-03-07"),
            "notification_before_transaction",
        ),
        (
            "2022-03-07",
            "02/17/2022 03/08/2022",
            (None, "2022-03-07"),
            "notification_after_disclosure",
        ),
        (
            "2023-01-05",
            "12/07/2023 12/09/2022",
            (None, None),
            "disclosure_before_transaction notification_before_transaction",
        ),
    ],
)
def test_house_dates(filed, row, expected, notes) -> None:
    transaction, stated = row.split()
    filed = filed and date.fromisoformat(filed)
    line = only_line(house(filed, transaction_date=transaction, disclosure_date=stated))
    found = (line.notification_date, line.disclosure_date)
    assert tuple(day and day.isoformat() for day in found) == expected
    assert line.notes == tuple(map(Note, notes.split()))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"senator": "Dr."}, RejectReason.MEMBER_UNREADABLE),
        ({"senator": None}, RejectReason.MEMBER_UNREADABLE),
        ({"ptr_link": "https://example.org/search/view/ptr/1/"}, RejectReason.FILING_UNREADABLE),
        ({"transaction_date": "soon"}, RejectReason.TRANSACTION_DATE_UNREADABLE),
        ({"transaction_date": "06/02/2026"}, RejectReason.TRANSACTION_DATE_IMPLAUSIBLE),
        ({"transaction_date": "12/31/1989"}, RejectReason.TRANSACTION_DATE_IMPLAUSIBLE),
        ({"type": "Gift"}, RejectReason.OPERATION_UNREADABLE),
        ({"amount": "Unknown"}, RejectReason.AMOUNT_UNREADABLE),
    ],
)
def test_senate_rejects(changes, reason) -> None:
    reject = only_reject(senate(**changes))
    assert reject.reason is reason
    assert reject.raw == SENATE_ROW | changes


def test_house_rejects() -> None:
    reject = only_reject(house(transaction_date="09/19/2202"))
    assert reject.reason is RejectReason.TRANSACTION_DATE_IMPLAUSIBLE
    assert reject.filer is not None
    assert only_reject(house(filing_id="x/1")).reason is RejectReason.FILING_UNREADABLE


def test_paper_filing_is_rejected_but_known() -> None:
    link = f"https://efdsearch.senate.gov/search/view/paper/{DOC.upper()}/"
    reject = only_reject(senate(ptr_link=link, type="N/A", amount="Unknown"))
    assert reject.reason is RejectReason.PAPER_FILING
    assert reject.filing is not None
    assert (reject.filing.doc_id, reject.filing.paper) == (DOC, True)
    assert reject.filing.filed_date == date(2020, 11, 10)


def test_unread_columns_are_noted_not_guessed() -> None:
    line = only_line(
        senate(
            owner="Cousin",
            ticker="?!",
            asset_type="Yacht",
            asset_description="",
            amount="$15,001 -",
        )
    )
    assert (line.owner, line.ticker, line.asset_type, line.asset) == (None, None, None, "")
    assert line.notes == tuple(
        sorted(
            [
                Note.OWNER_UNREADABLE,
                Note.TICKER_UNREADABLE,
                Note.ASSET_TYPE_UNREADABLE,
                Note.ASSET_MISSING,
                Note.AMOUNT_UPPER_BOUND_MENDED,
            ]
        )
    )


def test_mended_amount_hashes_like_the_whole_one() -> None:
    whole, mended = (
        only_line(senate(amount=amount)).content_hash()
        for amount in ("$15,001 - $50,000", "$15,001 -")
    )
    assert whole == mended
    assert whole != only_line(senate(comment="IRA")).content_hash()


def test_synthetic_links_give_synthetic_filings() -> None:
    link = f"https://synthetic.invalid/search/view/ptr/{DOC}/"
    assert only_line(senate(ptr_link=link)).filing.source is FilingSource.SYNTHETIC
    url = "https://synthetic.invalid/ptr-pdfs/2022/1.pdf"
    assert only_line(house(source_url=url)).filing.source is FilingSource.SYNTHETIC


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
ROWS = st.lists(
    JSON
    | st.fixed_dictionaries({key: st.just(value) | JSON for key, value in SENATE_ROW.items()})
    | st.fixed_dictionaries({key: st.just(value) | JSON for key, value in HOUSE_ROW.items()}),
    max_size=4,
)


@given(ROWS)
def test_every_row_is_a_line_or_a_reject(rows) -> None:
    for parsed in (
        parse_senate(rows, as_of=AS_OF),
        parse_house(rows, as_of=AS_OF, filing_dates={}),
    ):
        assert len(parsed.lines) + len(parsed.rejects) == len(rows)


def source(content: bytes) -> SourceFile:
    return SourceFile(Path("file"), content, "")


def test_filing_index() -> None:
    names = "<Prefix/><Last>Member</Last><First>Synthia</First><Suffix/><StateDst>ZZ00</StateDst>"
    shared = f"{names}<FilingType>P</FilingType><Year>2020</Year>"
    content = (
        "\ufeff<?xml version='1.0' encoding='utf-8'?><FinancialDisclosure>"
        f"<Member>{shared}<FilingDate>9/5/2020</FilingDate><DocID>20017000</DocID></Member>"
        f"<Member>{shared}<FilingDate /><DocID>20017001</DocID></Member></FinancialDisclosure>"
    ).encode()
    assert parse_filing_index(source(content)) == {"20017000": date(2020, 9, 5)}
    for bad in (b"<a/>", b"{}"):
        with pytest.raises(UnreadableFileError):
            parse_filing_index(source(bad))


def test_packing_does_not_matter(tmp_path) -> None:
    plain, packed = tmp_path / "rows.json", tmp_path / "packed"
    plain.write_text("[{}]")
    packed.write_bytes(gzip.compress(b"[{}]"))
    assert read_source(plain).sha256 == read_source(packed).sha256
    assert read_json_rows(read_source(packed)) == [{}]


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b"\xff\xfe[]", b"[" * 100_000])
def test_files_that_are_no_json_array(content) -> None:
    with pytest.raises(UnreadableFileError):
        read_json_rows(source(content))


def test_unreadable_files(tmp_path) -> None:
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b"[{}]" * 100)[:-12])
    for path in (broken, tmp_path / "missing", tmp_path):
        with pytest.raises(UnreadableFileError, match=str(path)):
            read_source(path)


def test_sample_is_the_same_every_time_and_labelled(tmp_path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        write_sample(folder)
    files = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in folders
    ]
    assert files[0] == files[1]
    years = len(list(folders[0].glob("house/20??FD.xml")))
    assert years > 1
    assert len(files[0]) == 6 + years

    legislators = yaml.safe_load((folders[0] / "legislators/legislators-current.yaml").read_text())
    assert all(entry["id"]["bioguide"].startswith("Z9") for entry in legislators)
    for path in folders[0].glob("[sh]*/*.json"):
        for row in json.loads(path.read_text()):
            assert "(synthetic)" in row["asset_description"]
            assert "Synthetic Member" in row.get("senator", row.get("representative"))
            assert row["ticker"].startswith("SYN") or row["ticker"] in ("--", "N/A")
