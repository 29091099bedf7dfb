"""One politician with committee seats."""

from typing import Any, Final

from sqlalchemy import Connection, select

from quant.db.expressions import identified_by
from quant.db.models import (
    Committee,
    CommitteeMembership,
    Politician,
    PoliticianActivity,
)
from quant.errors import NotFoundError

_COLUMNS: Final = (
    Politician.id,
    Politician.bioguide_id,
    Politician.full_name,
    Politician.chamber,
    Politician.party,
    Politician.state,
    Politician.district,
    Politician.in_office,
    Politician.synthetic,
    PoliticianActivity.trade_count,
)


def get_politician(connection: Connection, identifier: str) -> dict[str, Any]:
    """Return one politician with present committee seats.

    Args:
        connection: Connection to read from.
        identifier: Identifier (UUID) or bioguide id.

    Raises:
        NotFoundError: There is no such politician.
    """
    row = connection.execute(
        select(*_COLUMNS)
        .join(PoliticianActivity, PoliticianActivity.politician_id == Politician.id)
        .where(identified_by(identifier))
    ).one_or_none()
    if row is None:
        msg = f"there is no politician {identifier}"
        raise NotFoundError(msg)
    seats = connection.execute(
        select(
            Committee.id,
            Committee.name,
            Committee.parent_id,
            CommitteeMembership.title,
            CommitteeMembership.rank,
            CommitteeMembership.side,
        )
        .join(Committee, Committee.id == CommitteeMembership.committee_id)
        .where(CommitteeMembership.politician_id == row.id)
        .order_by(Committee.id)
    )
    return {**row._mapping, "committees": [dict(seat._mapping) for seat in seats]}
