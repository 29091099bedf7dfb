"""Which entries of the audit log a list shows."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from quant.vocabulary import AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilters:
    """Which entries to list; ``None`` does not filter.

    Attributes:
        occurred_from: First time, inclusive.
        occurred_to: Last time, exclusive.
    """

    event: AuditEvent | None = None
    actor: uuid.UUID | None = None
    target: str | None = None
    network: str | None = None
    request_id: str | None = None
    occurred_from: datetime | None = None
    occurred_to: datetime | None = None
