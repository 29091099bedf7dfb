"""What declares a feature: its words, and the SQL that they describe."""

from dataclasses import dataclass
from typing import Final, Literal

# Raised with every change of what the files of features hold or of how their bytes are written, a
# new release of DuckDB that writes other bytes among them.
FEATURE_VERSION: Final = 1

type Kind = Literal["number", "category", "flag"]


@dataclass(frozen=True, slots=True)
class Part:
    """A relation that several features are columns of.

    Attributes:
        name: Of the relation in the statement.
        sql: A query over ``subject_rows`` and the tables of ``quant.ml.features.tables``; it gives
            ``row_id``, at most once each.
        needs: Parts that the query names.
    """

    name: str
    sql: str
    needs: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column.

    Attributes:
        name: Of the column.
        title: In a few words.
        formula: How it is computed.
        as_of_rule: What makes it known at the end of ``as_of``.
        sql: An expression over ``part``, or over ``subject_rows r`` where it has none.
        part: The relation it is computed of.
        kind: Categories are codes: places in ``categories``. Flags are 0 and 1.
        categories: Of a category.
    """

    name: str
    title: str
    formula: str
    as_of_rule: str
    sql: str
    part: Part | None = None
    kind: Kind = "number"
    categories: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """Return the SQL of the column, a double; null where unknown."""
        if self.kind != "category":
            return f"cast({self.sql} as double)"
        listed = ", ".join(f"'{category}'" for category in self.categories)
        return f"cast(list_position([{listed}], {self.sql}) - 1 as double)"
