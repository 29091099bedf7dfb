"""The STOCK Act's deadlines for periodic transaction reports (PTR): the one place that says them.

5 U.S.C. 13105(l): a report is due not later than 30 days after receiving notification of the
transaction, but in no case later than 45 days after the transaction; it covers transactions above
1,000 US dollars (5 U.S.C. 13104(a)(5)(B)). 5 U.S.C. 13106(d): a fee of 200 US dollars for a report
filed more than 30 days after it is due, which may be waived. A supervising ethics office may grant
extensions (5 U.S.C. 13101(g)), which no disclosure shows. Days are calendar days.

Standard library only: routes without NumPy use it as well.
"""

from datetime import date, timedelta
from typing import Final

# Days after the transaction beyond which a report is late, whatever the notification.
FILING_DEADLINE_DAYS: Final = 45
# Days after the filer was notified of the transaction.
NOTIFICATION_DEADLINE_DAYS: Final = 30
# Days after the deadline beyond which the fee is due.
FEE_GRACE_DAYS: Final = 30
LATE_FEE_USD: Final = 200
REPORTING_THRESHOLD_USD: Final = 1_000
# Pub. L. 112-105, section 6: PTRs are required of transactions from the 90th day after enactment.
ENACTED: Final = date(2012, 4, 4)
FIRST_TRANSACTION_DATE: Final = ENACTED + timedelta(days=90)

SOURCE: Final = "5 U.S.C. 13105(l)"
SOURCE_URL: Final = "https://www.law.cornell.edu/uscode/text/5/13105"


def filing_deadline(transaction_date: date, notification_date: date | None = None) -> date:
    """Return the last day on which a PTR of a transaction is in time.

    Args:
        transaction_date: Day of the transaction.
        notification_date: Day the filer learned of it; None where the report does not say.
    """
    deadline = transaction_date + timedelta(days=FILING_DEADLINE_DAYS)
    if notification_date is None:
        return deadline
    return min(deadline, notification_date + timedelta(days=NOTIFICATION_DEADLINE_DAYS))


def days_late(transaction_date: date, disclosure_date: date) -> int:
    """Return by how many days a disclosure missed the 45 days; negative or 0 if it did not."""
    return (disclosure_date - transaction_date).days - FILING_DEADLINE_DAYS
