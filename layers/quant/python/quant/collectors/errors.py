"""Why a collector stops before it is done."""

from quant.errors import QuantError
from quant.pipeline.sources import CollectionOutcome


class CollectionError(QuantError):
    """A site did not give what was asked for.

    Attributes:
        outcome: How the collector's run ends.
        detail: What happened, for the operator.
        retry_after_s: Seconds the site asked to be left alone, if it did.
    """

    def __init__(
        self, outcome: CollectionOutcome, detail: str, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{outcome}: {detail}")
        self.outcome = outcome
        self.detail = detail
        self.retry_after_s = retry_after_s


class DeadlineReachedError(QuantError):
    """The run's time is over; the next one goes on where it stopped."""


def layout_changed(detail: str) -> CollectionError:
    """Return the error of an answer that is not what the collector knows."""
    return CollectionError(CollectionOutcome.LAYOUT_CHANGED, detail)
