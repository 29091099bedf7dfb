from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.backup.manifest import taken_at
from quant.backup.retention import expendable

times = st.lists(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001
    min_size=1,
    max_size=60,
    unique=True,
)
numbers = st.integers(0, 40)


def name(time):
    return f"{time:%Y%m%dT%H%M%S.%f}Z"


@given(times, numbers, st.integers(1, 12))
def test_the_newest_of_each_kept_day_and_month_stays(made, days, months):
    ids = sorted(map(name, made))
    gone = expendable(ids, keep_daily=days, keep_monthly=months)
    kept = [backup_id for backup_id in ids if backup_id not in gone]
    assert kept[-1] == ids[-1]
    assert len(kept) <= days + months
    for length, number in ((8, days), (6, months)):
        groups = sorted({backup_id[:length] for backup_id in ids}, reverse=True)[:number]
        for group in groups:
            assert max(i for i in ids if i.startswith(group)) in kept
    # Pruning again removes nothing.
    assert expendable(kept, keep_daily=days, keep_monthly=months) == []


def test_a_year_of_days_leaves_the_days_and_the_ends_of_months():
    first = datetime(2026, 1, 1, 4, 30, tzinfo=UTC)
    ids = [name(first + timedelta(days=day)) for day in range(365)]
    kept = set(ids) - set(expendable(ids, keep_daily=7, keep_monthly=3))
    assert sorted(backup_id[:8] for backup_id in kept) == [
        "20261031",
        "20261130",
        *(f"202612{day}" for day in range(25, 32)),
    ]


@pytest.mark.parametrize(("days", "months"), [(0, 0), (-1, 5), (5, -1)])
def test_nothing_to_keep_is_a_mistake(days, months):
    with pytest.raises(ValueError, match="at least one"):
        expendable([], keep_daily=days, keep_monthly=months)


@pytest.mark.parametrize("other", ["lost+found", "20261301T000000.000000Z", ".x.partial"])
def test_other_names_are_no_backups(other):
    assert taken_at(other) is None
