"""The sources, and how a run of the collector that asks one may end."""

from enum import StrEnum


class SourceName(StrEnum):
    """A source, by the name of the collector that asks it for news."""

    HOUSE = "house"
    SENATE = "senate"
    LEGISLATORS = "legislators"
    PRICES = "prices"


class SourceState(StrEnum):
    """Whether a source was asked for news lately."""

    CURRENT = "current"
    STALE = "stale"
    NEVER_COLLECTED = "never_collected"


class CollectionOutcome(StrEnum):
    """How a collector's run ended."""

    COMPLETED = "completed"
    REFUSED = "refused"  # 403, or the terms changed: an operator has to look
    THROTTLED = "throttled"  # 429 or 503 to the end of the back-off
    LAYOUT_CHANGED = "layout_changed"  # answered, but not with what the collector knows
    UNREACHABLE = "unreachable"
