"""Running counts of what was disclosed, as of each row.

Events and rows are put in one stream by day, so that one sort serves every window: a row is an
event that counts nothing. A window of n days ends at the row's ``as_of`` and begins n - 1 days
before.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from quant.ml.features.feature import Part

_EPOCH: Final = "date '1970-01-01'"


def history(
    name: str,
    key: str,
    events: str,
    sums: Mapping[str, Sequence[int]],
    greatest: Sequence[str] = (),
) -> Part:
    """Return the part that sums the events of a key up to each row.

    Its columns are ``<measure>_<days>``; ``<measure>_ever`` for a length of 0; ``first_day``,
    ``last_day`` (of an event up to ``as_of``) and ``previous_day`` (before ``as_of``), as days
    since 1970; and ``last_<column>`` for the greatest of a column so far.

    Args:
        name: Of the part.
        key: Columns that the events and the rows have in common, separated by commas.
        events: Table with ``day``, the key, and whole numbers to add up.
        sums: Lengths in days by measure.
        greatest: Columns of dates.
    """
    lengths = sorted({days for each in sums.values() for days in each})
    columns = [
        f"coalesce(sum({measure}) over w{days}, 0) as {measure}_{days or 'ever'}"
        for measure, each in sums.items()
        for days in each
    ]
    columns += [
        "min(event_day) over w0 as first_day",
        "max(event_day) over w0 as last_day",
        "max(event_day) over before as previous_day",
        *(f"max({column}) over w0 as last_{column}" for column in greatest),
    ]
    ordered = f"(partition by {key} order by epoch_day range between"
    windows = [
        f"w{days} as {ordered} {f'{days - 1} preceding' if days else 'unbounded preceding'}"
        " and current row)"
        for days in sorted({0, *lengths})
    ]
    windows.append(f"before as {ordered} unbounded preceding and 1 preceding)")
    taken = ", ".join([*sums, *greatest])
    return Part(
        name,
        f"select row_id, {', '.join(columns)} from ("
        f"select {key}, day - {_EPOCH} as epoch_day, day - {_EPOCH} as event_day,"
        f" null::bigint as row_id, {taken} from {events}"
        " union all by name"
        f" select {key}, as_of - {_EPOCH} as epoch_day, row_id from subject_rows) as stream"
        f" window {', '.join(windows)} qualify row_id is not null",
    )


def days_since(column: str) -> str:
    """Return the SQL of the days from a day since 1970 to the row's ``as_of``."""
    return f"r.as_of - {_EPOCH} - {column}"
