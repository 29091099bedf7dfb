from datetime import date

import pytest

from quant.stock_act import FIRST_TRANSACTION_DATE, days_late, filing_deadline


@pytest.mark.parametrize(
    ("transaction", "notification", "deadline"),
    [
        # The examples of the Office of Government Ethics' guide to OGE Form 278-T.
        (date(2026, 7, 1), date(2026, 7, 1), date(2026, 7, 31)),
        (date(2026, 7, 31), date(2026, 8, 10), date(2026, 9, 9)),
        (date(2026, 7, 1), date(2026, 8, 10), date(2026, 8, 15)),
        (date(2026, 7, 1), None, date(2026, 8, 15)),
    ],
)
def test_the_earlier_of_the_two_deadlines_holds(transaction, notification, deadline):
    assert filing_deadline(transaction, notification) == deadline


def test_the_45th_day_is_in_time_and_the_46th_is_late():
    assert days_late(date(2026, 7, 1), date(2026, 8, 15)) == 0
    assert days_late(date(2026, 7, 1), date(2026, 8, 16)) == 1


def test_reports_are_required_from_the_90th_day_after_enactment():
    assert date(2012, 7, 3) == FIRST_TRANSACTION_DATE
