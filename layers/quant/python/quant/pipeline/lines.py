"""Which official lines are trades: repeats, amendments and deletions, decided in filing order.

``settle_lines`` is a function of its input alone, whatever the order it comes in.

A filing's lines are taken in the order of filings (day, then document id) and then of their
numbers. Each is one of:

- a *repeat*: the n-th line of a filing with certain facts is the n-th trade with these facts that
  earlier filings left;
- an *amended* or *deleted* line (House): it takes the place of the earlier trade it identifies,
  by the form's reference or else by its facts; which one, must be beyond doubt;
- a line of an *amendment* as a whole (Senate): the report it amends is replaced by it;
- or a new trade.

Where it is in doubt what a line or report amends, it stands beside what was filed before, for a
review to decide.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from quant.vocabulary import AssetType, FilingStatus, LineOutcome, Operation, OptionType, Owner

_AMENDING: Final = (FilingStatus.AMENDED, FilingStatus.DELETED)
_SALES: Final = frozenset({Operation.SALE, Operation.SALE_FULL, Operation.SALE_PARTIAL})


class Facts(NamedTuple):
    """What two lines must agree in to be one transaction; ``asset`` is the normalised name."""

    transaction_date: date
    owner: Owner | None
    asset: str
    ticker: str | None
    asset_type: AssetType | None
    operation: Operation
    amount_min: Decimal
    amount_max: Decimal | None
    subholding_of: str | None = None
    option_type: OptionType | None = None
    option_strike: Decimal | None = None
    option_expires: date | None = None


@dataclass(frozen=True, slots=True)
class OfficialLine:
    """A line of the version of a filing that counts."""

    trade_id: uuid.UUID
    line_number: int
    facts: Facts
    status: FilingStatus | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class OfficialFiling:
    """A filing with its lines.

    Attributes:
        doc_id: Its identifier in the official system.
        day: Day of filing, or what stands for it.
        amends: The ``doc_id`` of the report it amends as a whole, if that is stated.
        amendment_number: The n of "Amendment n", if it is one.
    """

    doc_id: str
    day: date
    lines: Sequence[OfficialLine]
    amends: str | None = None
    amendment_number: int | None = None

    @property
    def replaces_a_report(self) -> bool:
        """Whether it amends a report as a whole; where lines have a status, they say what."""
        return (self.amends is not None or self.amendment_number is not None) and all(
            line.status is None for line in self.lines
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a line, and the trade or line that stands in its place."""

    outcome: LineOutcome
    counterpart_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of every line.

    Attributes:
        lines: By the line's ``trade_id``.
        amends: The ``doc_id`` of the report that an amending one replaces, by its own.
    """

    lines: Mapping[uuid.UUID, Settled]
    amends: Mapping[str, str]


@dataclass(slots=True, eq=False)
class _Trade:
    """A trade with the lines that report it, and the reports these are in."""

    line: OfficialLine
    doc_id: str
    repeats: list[OfficialLine] = field(default_factory=list)
    doc_ids: set[str] = field(default_factory=set)


def settle_lines(
    filings: Iterable[OfficialFiling], replaced: Mapping[uuid.UUID, uuid.UUID | None] | None = None
) -> Settlement:
    """Decide what each line of a politician's filings is.

    Args:
        filings: All official filings of one politician.
        replaced: Decisions of reviews: the line that an amending line replaces, None for none.
    """
    ledger = _Ledger(replaced or {})
    for filing in sorted(filings, key=lambda filing: (filing.day, filing.doc_id)):
        ledger.enter(filing)
    return Settlement(ledger.settled, ledger.amends)


class _Ledger:
    """The trades that the filings entered so far leave."""

    def __init__(self, replaced: Mapping[uuid.UUID, uuid.UUID | None]) -> None:
        self.settled: dict[uuid.UUID, Settled] = {}
        self.amends: dict[str, str] = {}
        self._replaced = replaced
        self._trades: dict[Facts, list[_Trade]] = defaultdict(list)
        self._entered: set[str] = set()

    def enter(self, filing: OfficialFiling) -> None:
        """Enter the next filing."""
        original = self._original(filing) if filing.replaces_a_report else None
        earlier = {facts: tuple(trades) for facts, trades in self._trades.items() if trades}
        seen: dict[Facts, int] = defaultdict(int)
        fresh: list[_Trade] = []
        for line in sorted(filing.lines, key=lambda line: line.line_number):
            if line.status in _AMENDING:
                fresh += self._amend(filing, line)
                continue
            nth = seen[line.facts]
            seen[line.facts] += 1
            known = earlier.get(line.facts, ())
            if nth < len(known) and known[nth] in self._trades[line.facts]:
                trade = known[nth]
                trade.repeats.append(line)
                trade.doc_ids.add(filing.doc_id)
                self.settled[line.trade_id] = Settled(LineOutcome.REPEATED, trade.line.trade_id)
            else:
                fresh.append(_Trade(line, filing.doc_id, doc_ids={filing.doc_id}))
        if original is not None:
            self.amends[filing.doc_id] = original
            self._replace_report(original, filing.doc_id, fresh)
        for trade in fresh:
            self._trades[trade.line.facts].append(trade)
            self.settled[trade.line.trade_id] = Settled(LineOutcome.TRADE)
        self._entered.add(filing.doc_id)

    def _amend(self, filing: OfficialFiling, line: OfficialLine) -> list[_Trade]:
        deletes = line.status is FilingStatus.DELETED
        if line.trade_id in self._replaced:
            target = self._reporting(self._replaced[line.trade_id])
        else:
            target = self._identify(line, self._live())
        if target is not None:
            self._supersede(target, line)
        if deletes:
            found = target is not None
            self.settled[line.trade_id] = Settled(
                LineOutcome.DELETION if found else LineOutcome.UNMATCHED_DELETION
            )
            return []
        return [_Trade(line, filing.doc_id, doc_ids={filing.doc_id})]

    def _live(self) -> list[_Trade]:
        return [trade for trades in self._trades.values() for trade in trades]

    def _reporting(self, trade_id: uuid.UUID | None) -> _Trade | None:
        for trade in self._live():
            if trade_id in {line.trade_id for line in (trade.line, *trade.repeats)}:
                return trade
        return None

    def _supersede(self, trade: _Trade, by: OfficialLine | None) -> None:
        self._trades[trade.line.facts].remove(trade)
        counterpart = by.trade_id if by else None
        for line in (trade.line, *trade.repeats):
            self.settled[line.trade_id] = Settled(LineOutcome.SUPERSEDED, counterpart)

    def _identify(self, line: OfficialLine, trades: Sequence[_Trade]) -> _Trade | None:
        """Return the one trade a line can mean, None where there is none or more than one."""
        if line.reference is not None:
            same = [trade for trade in trades if trade.line.reference == line.reference]
            if len(same) == 1:
                return same[0]
        ranked: dict[int, list[_Trade]] = defaultdict(list)
        for trade in trades:
            rank = _distance(line.facts, trade.line.facts)
            if rank is not None:
                ranked[rank].append(trade)
        if not ranked:
            return None
        nearest = ranked[min(ranked)]
        # Lines with the same facts are interchangeable; the last is taken.
        return nearest[-1] if len({trade.line.facts for trade in nearest}) == 1 else None

    def _original(self, filing: OfficialFiling) -> str | None:
        """Return the first report of those that a report replaces."""
        if filing.amends is not None:
            stated = filing.amends
            return self.amends.get(stated, stated) if stated in self._entered else None
        facts = {line.facts for line in filing.lines}
        # A trade's own reports, and by them the first of theirs.
        sharing = {
            self.amends.get(doc_id, doc_id)
            for trade in self._live()
            if trade.line.facts in facts
            for doc_id in trade.doc_ids
        }
        return sharing.pop() if len(sharing) == 1 else None

    def _replace_report(self, original: str, amendment: str, fresh: Sequence[_Trade]) -> None:
        """Supersede what earlier versions of a report say and the amendment does not repeat."""
        family = {original} | {doc for doc, first in self.amends.items() if first == original}
        family.discard(amendment)
        dropped = [
            trade
            for trade in self._live()
            if trade.doc_ids <= family  # another report's trade, too, stands
        ]
        for new in fresh:
            target = self._identify(new.line, dropped)
            if target is not None:
                self._supersede(target, new.line)
                dropped.remove(target)
        for trade in dropped:
            self._supersede(trade, None)


def _distance(line: Facts, other: Facts) -> int | None:
    """Return how far the facts of two lines are apart, None where they are of different things.

    0 is the same in all facts; 1 in owner, asset, operation, day and amount; 2 in two of the last
    three.
    """
    same_asset = (
        line.ticker == other.ticker if line.ticker and other.ticker else line.asset == other.asset
    )
    if line.owner != other.owner or line.asset_type != other.asset_type or not same_asset:
        return None
    if line == other:
        return 0
    agree = (
        line.operation == other.operation or {line.operation, other.operation} <= _SALES,
        line.transaction_date == other.transaction_date,
        (line.amount_min, line.amount_max) == (other.amount_min, other.amount_max),
    )
    return {3: 1, 2: 2}.get(sum(agree))
