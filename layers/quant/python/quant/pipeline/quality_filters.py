"""Which quality reports a list shows."""

from dataclasses import dataclass
from datetime import date

from quant.pipeline.raw import DocumentKind
from quant.vocabulary import DocumentOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFilters:
    """Which reports to list; ``None`` does not filter.

    Attributes:
        collected_from: First day of collection, inclusive.
        collected_to: Last day of collection, inclusive.
    """

    kind: DocumentKind | None = None
    outcome: DocumentOutcome | None = None
    collected_from: date | None = None
    collected_to: date | None = None
