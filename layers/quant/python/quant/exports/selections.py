"""What the kinds of exports select, and what their files are called."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from quant.db.expressions import identified_by
from quant.db.models import Politician
from quant.errors import InvalidInputError, NotFoundError
from quant.exports.dictionary import POLITICIANS, TRADES, Table
from quant.exports.requests import Batch
from quant.exports.rows import Selection, filters_of

_TABLES: Final[Mapping[Batch, Table]] = {Batch.TRADES: TRADES, Batch.POLITICIANS: POLITICIANS}


@dataclass(frozen=True, slots=True)
class Subject:
    """The politician an export is of.

    Attributes:
        id: Identifier.
        bioguide_id: Of a member, None of a filer not matched to one.
        synthetic: Whether it is made-up demonstration data.
    """

    id: uuid.UUID
    bioguide_id: str | None
    synthetic: bool

    @property
    def label(self) -> str:
        """Bioguide id, or the identifier of a filer without one: part of a file's name."""
        return self.bioguide_id or str(self.id)


def subject_of(connection: Connection, identifier: str) -> Subject:
    """Return the politician with an identifier (UUID) or bioguide id.

    Raises:
        NotFoundError: There is none.
    """
    row = connection.execute(
        select(Politician.id, Politician.bioguide_id, Politician.synthetic).where(
            identified_by(identifier)
        )
    ).one_or_none()
    if row is None:
        msg = f"there is no politician {identifier}"
        raise NotFoundError(msg)
    return Subject(row.id, row.bioguide_id, row.synthetic)


def trades_of(subject: Subject) -> Selection:
    """Return the selection of a politician's trades."""
    return Selection(TRADES, {"politician_id": str(subject.id)})


def batch_of(what: Batch, filters: Mapping[str, Any]) -> Selection:
    """Return the selection of what all politicians have."""
    return Selection(_TABLES[what], filters)


def check_filters(what: Batch, filters: Mapping[str, Any]) -> None:
    """Refuse filters that what is exported has not.

    Raises:
        InvalidInputError: There is such a filter.
    """
    for name in filters:
        if name not in filters_of(_TABLES[what]):
            msg = f"{what} have no {name}"
            raise InvalidInputError(f"filters.{name}", "not_a_filter", msg)


def stem(what: str, label: str, version: int) -> str:
    """Return the name of a file without its extension, such as ``trades-W000779-v7``."""
    return f"{what}-{label}-v{version}"
