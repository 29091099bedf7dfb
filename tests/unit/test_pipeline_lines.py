import random
import uuid
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quant.pipeline.lines import Facts, OfficialFiling, OfficialLine, settle_lines
from quant.vocabulary import AssetType, FilingStatus, LineOutcome, Operation, Owner

NEW, AMENDED, DELETED = FilingStatus
TRADE, REPEATED, SUPERSEDED, DELETION, UNMATCHED = LineOutcome


def facts(asset: str = "acme", day: int = 1, amount: int = 1001, **changes) -> Facts:
    values = {
        "transaction_date": date(2025, 1, day),
        "owner": Owner.SELF,
        "asset": asset,
        "ticker": None,
        "asset_type": AssetType.STOCK,
        "operation": Operation.PURCHASE,
        "amount_min": Decimal(amount),
        "amount_max": Decimal(amount + 14_000),
    }
    return Facts(**{**values, **changes})


def filing(number: int, *lines, day: int | None = None, **changes) -> OfficialFiling:
    """A filing of lines, each its facts, or facts and status, or with a reference besides."""
    official = []
    for position, line in enumerate(lines, start=1):
        what, status, reference = (
            (*line, None, None)[:3] if type(line) is tuple else (line, *[None] * 2)
        )
        trade = uuid.UUID(int=number * 100 + position)
        official.append(OfficialLine(trade, position, what, status, reference))
    filed = date(2025, 2, 1) + timedelta(days=number if day is None else day)
    return OfficialFiling(str(number), filed, official, **changes)


def outcomes(*filings: OfficialFiling, replaced=None) -> dict[str, tuple]:
    """What each line became, and its counterpart, as '<filing>.<line>'."""

    def name(trade: uuid.UUID | None) -> str | None:
        return trade and f"{trade.int // 100}.{trade.int % 100}"

    settled = settle_lines(filings, replaced).lines
    return {name(trade): (one.outcome, name(one.counterpart_id)) for trade, one in settled.items()}


def test_nth_line_of_a_filing_repeats_the_nth_of_another() -> None:
    found = outcomes(
        filing(1, facts(), facts()), filing(2, facts()), filing(3, facts(), facts(), facts())
    )
    assert found == {
        "1.1": (TRADE, None),
        "1.2": (TRADE, None),
        "2.1": (REPEATED, "1.1"),
        "3.1": (REPEATED, "1.1"),
        "3.2": (REPEATED, "1.2"),
        "3.3": (TRADE, None),
    }


def test_day_of_filing_decides_which_is_the_repeat() -> None:
    found = outcomes(filing(1, facts(), day=9), filing(2, facts(), day=3))
    assert found["1.1"] == (REPEATED, "2.1")


def test_lines_of_two_accounts_are_not_repeats() -> None:
    other = facts(subholding_of="Trust B")
    assert outcomes(filing(1, facts()), filing(2, other))["2.1"] == (TRADE, None)


def test_amended_line_takes_the_place_of_the_nearest() -> None:
    found = outcomes(
        filing(1, facts(), facts("beta")),
        filing(2, (facts(amount=15_001), AMENDED)),
        filing(3, (facts(amount=15_001, day=2), AMENDED)),
    )
    assert found == {
        "1.1": (SUPERSEDED, "2.1"),
        "1.2": (TRADE, None),
        "2.1": (SUPERSEDED, "3.1"),
        "3.1": (TRADE, None),
    }


def test_exact_line_goes_before_a_like_one() -> None:
    deletes = filing(2, (facts(), DELETED))
    found = outcomes(filing(1, facts(amount=15_001), facts()), deletes)
    assert (found["1.1"], found["1.2"]) == ((TRADE, None), (SUPERSEDED, "2.1"))


def test_like_lines_that_differ_are_ambiguous() -> None:
    lines = (facts(amount=15_001), facts(amount=50_001))
    found = outcomes(
        filing(1, *lines), filing(2, (facts(), AMENDED)), filing(3, (facts(), DELETED))
    )
    assert found["1.1"] == found["1.2"] == (TRADE, None)
    # What the first amended line became is what the deleted line means exactly.
    assert (found["2.1"], found["3.1"]) == ((SUPERSEDED, "3.1"), (DELETION, None))


def test_another_owner_asset_or_kind_is_never_meant() -> None:
    for change in ({"owner": Owner.SPOUSE}, {"asset": "beta"}, {"asset_type": AssetType.FUND}):
        found = outcomes(filing(1, facts(**change)), filing(2, (facts(), DELETED)))
        assert found == {"1.1": (TRADE, None), "2.1": (UNMATCHED, None)}


def test_later_line_is_never_meant() -> None:
    found = outcomes(filing(1, (facts(), DELETED)), filing(2, facts()))
    assert found == {"1.1": (UNMATCHED, None), "2.1": (TRADE, None)}


def test_reference_goes_before_likeness() -> None:
    found = outcomes(
        filing(1, (facts("beta"), NEW, "77"), (facts(), NEW, "78")),
        filing(2, (facts(), DELETED, "77")),
    )
    assert (found["1.1"], found["1.2"]) == ((SUPERSEDED, "2.1"), (TRADE, None))


def test_deleting_a_trade_takes_its_repeats_with_it() -> None:
    found = outcomes(filing(1, facts()), filing(2, facts()), filing(3, (facts(), DELETED)))
    assert found["1.1"] == found["2.1"] == (SUPERSEDED, "3.1")


def test_review_decides_what_a_line_replaces() -> None:
    filings = (
        filing(1, facts(amount=15_001), facts(amount=50_001)),
        filing(2, (facts(), AMENDED)),
    )
    line, meant = uuid.UUID(int=201), uuid.UUID(int=102)
    assert outcomes(*filings, replaced={line: meant})["1.2"] == (SUPERSEDED, "2.1")
    exact = filing(1, facts()), filing(2, (facts(), AMENDED))
    assert outcomes(*exact, replaced={line: None})["1.1"] == (TRADE, None)


def test_amended_report_replaces_all_versions_before() -> None:
    original = filing(1, facts(), facts("gone"), facts("mended"))
    first = filing(2, facts(), facts("mended", amount=15_001), facts("added"), amendment_number=1)
    second = filing(3, facts(), facts("mended", amount=50_001), amendment_number=2)
    found = outcomes(original, first, second, filing(4, facts("unrelated")))
    assert found == {
        "1.1": (TRADE, None),
        "1.2": (SUPERSEDED, None),
        "1.3": (SUPERSEDED, "2.2"),
        "2.1": (REPEATED, "1.1"),
        "2.2": (SUPERSEDED, "3.2"),
        "2.3": (SUPERSEDED, None),
        "3.1": (REPEATED, "1.1"),
        "3.2": (TRADE, None),
        "4.1": (TRADE, None),
    }


def test_amended_report_that_shares_lines_with_two_replaces_none() -> None:
    found = settle_lines(
        [
            filing(1, facts(), facts("one")),
            filing(2, facts("beta"), facts("two")),
            filing(3, facts(), facts("beta"), amendment_number=1),
        ]
    )
    assert found.amends == {}
    assert SUPERSEDED not in {one.outcome for one in found.lines.values()}


def test_report_that_is_stated_to_be_amended_needs_no_shared_line() -> None:
    amends = filing(2, facts("other"), amends="1")
    assert outcomes(filing(1, facts()), amends)["1.1"] == (SUPERSEDED, None)


ANY_LINE = st.tuples(
    st.builds(
        facts,
        st.sampled_from(["acme", "beta"]),
        st.integers(1, 2),
        st.sampled_from([1001, 15_001]),
    ),
    st.sampled_from([None, NEW, AMENDED, DELETED]),
)


@given(st.lists(st.lists(ANY_LINE, max_size=4), min_size=1, max_size=6), st.randoms())
def test_order_of_input_does_not_matter_and_every_line_has_an_outcome(
    contents, order: random.Random
) -> None:
    filings = [
        filing(number, *lines, day=number // 2, amendment_number=1 if number % 3 == 2 else None)
        for number, lines in enumerate(contents, start=1)
    ]
    expected = settle_lines(filings)
    order.shuffle(filings)
    assert settle_lines(filings) == expected
    lines = {line.trade_id: line for one in filings for line in one.lines}
    assert expected.lines.keys() == lines.keys()
    for trade, settled in expected.lines.items():
        is_deletion = settled.outcome in (DELETION, UNMATCHED)
        assert is_deletion == (lines[trade].status is DELETED)
        if settled.outcome is REPEATED:
            kept = expected.lines[settled.counterpart_id]
            assert kept.outcome is TRADE
            assert lines[settled.counterpart_id].facts == lines[trade].facts
