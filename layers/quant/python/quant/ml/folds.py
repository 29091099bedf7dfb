"""Walk-forward folds whose training rows were known before the first test day.

Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7: a row is purged from
training where its outcome was not known yet, and an embargo keeps some days between the two.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from quant.analytics.arrays import Days, Flags
from quant.ml.features.frame import Frame

# Number of the fold whose predictions only choose, calibrate and start what later folds are
# judged with; it is no part of the record.
WARM_UP: Final = 0


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows to fit and rows to predict.

    Attributes:
        number: In the order of time, 0 being the warm-up.
        train: Rows whose outcome was known in time, shape (n,).
        test: Rows to predict, shape (n,).
        first_test_day: First ``as_of`` of the test rows.
        last_test_day: Last one.
    """

    number: int
    train: Flags
    test: Flags
    first_test_day: date
    last_test_day: date


def known_before(frame: Frame, label: str, day: np.datetime64) -> Flags:
    """Say which rows have an outcome that was known before the day began, shape (n,)."""
    known_on = frame.known_on[label]
    # NaT compares as false.
    return ~np.isnan(frame.labels[label]) & (known_on < day)


def walk_forward(
    frame: Frame, label: str, *, folds: int, embargo_days: int, minimum_train_rows: int
) -> list[Fold]:
    """Return a warm-up and ``folds`` folds, in order of time, with an expanding window.

    Test rows are those with an outcome from the first day on that leaves ``minimum_train_rows`` to
    train on. They are divided by whole days into folds of about as many rows each.

    Args:
        frame: Rows.
        label: Outcome.
        folds: Folds after the warm-up, at least 1.
        embargo_days: Calendar days between the last day an outcome of the training rows was known
            on and the first test day.
        minimum_train_rows: Fewest rows to train the warm-up on.

    Returns:
        No folds where the rows or days do not suffice for all of them.
    """
    embargo = np.timedelta64(embargo_days, "D")
    known = ~np.isnan(frame.labels[label]) & ~np.isnat(frame.known_on[label])
    first = _first_test_day(frame.known_on[label][known], minimum_train_rows)
    if first is None:
        return []
    test = known & (frame.as_of >= first + embargo)
    days, rows = np.unique(frame.as_of[test], return_counts=True)
    if len(days) <= folds:
        return []
    # The fold of a day is that of its middle row.
    middle = (np.cumsum(rows) - rows / 2) / rows.sum()
    number = np.minimum((middle * (folds + 1)).astype(np.int64), folds)
    if len(np.unique(number)) <= folds:
        return []
    result = []
    for place in range(folds + 1):
        own = days[number == place]
        first_day, last_day = own[0], own[-1]
        result.append(
            Fold(
                number=place,
                train=known_before(frame, label, first_day - embargo),
                test=test & (frame.as_of >= first_day) & (frame.as_of <= last_day),
                first_test_day=first_day.item(),
                last_test_day=last_day.item(),
            )
        )
    return result


def _first_test_day(known_on: Days, minimum_train_rows: int) -> np.datetime64 | None:
    """Return the first day before which so many outcomes were known."""
    if len(known_on) < minimum_train_rows:
        return None
    day: np.datetime64 = np.sort(known_on)[minimum_train_rows - 1] + np.timedelta64(1, "D")
    return day


def inner_split(
    frame: Frame, label: str, train: Flags, *, share: float = 0.2
) -> tuple[Flags, Flags]:
    """Divide training rows into a first part to fit and a last part to validate, purged.

    Args:
        frame: Rows.
        label: Outcome.
        train: Rows to divide, shape (n,).
        share: Of the rows that are validated with, about.

    Returns:
        Rows to fit and rows to validate; the first are none where all of them would be purged.
    """
    day = np.quantile(frame.as_of[train].astype(np.int64), 1 - share, method="higher")
    first = np.datetime64(int(day), "D")
    return train & known_before(frame, label, first), train & (frame.as_of >= first)
