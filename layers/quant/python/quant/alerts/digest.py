"""Mails once a day: new trades of what somebody watches, and webhooks that were turned off."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select, update

from quant.accounts import mail
from quant.alerts.signing import unsubscribe_token
from quant.db.account_models import Account
from quant.db.alert_models import AlertDelivery, Watchlist
from quant.db.session import read, write
from quant.errors import StoreUnavailableError
from quant.settings import EmailSettings
from quant.vocabulary import AlertChannel, DeliveryState

# Trades in one mail; more go into the next day's.
MAX_TRADES: Final = 500

_SUBJECT: Final = "Disclosed trades you watch: {count}"
_BODY: Final = """\
New disclosures of what your watchlists hold.

{sections}

Amounts are ranges, and dates are as filed. Nothing here is investment advice.

You get this mail because a watchlist of yours asks for it. To stop all such mails:
{unsubscribe}
"""
_DISABLED_SUBJECT: Final = "A webhook of yours was turned off"
_DISABLED_BODY: Final = """\
The webhook of your watchlist "{name}" was turned off: {host} said that it is gone, or took nothing
for days. What was disclosed meanwhile is at {url}/api/v1/trades/recent.

To turn it on again, send the watchlist anew: PUT {url}/api/v1/watchlists/{id}
"""

_WAITING: Final = (
    AlertDelivery.channel == AlertChannel.DIGEST,
    AlertDelivery.state == DeliveryState.PENDING,
    Watchlist.digest,
    Account.disabled_at.is_(None),
)
_TURNED_OFF: Final = (
    Watchlist.webhook_disabled_at.is_not(None),
    Watchlist.disabled_notice_at.is_(None),
    Account.disabled_at.is_(None),
)


@dataclass(frozen=True, slots=True)
class Mailing:
    """What became of a day's mails.

    Attributes:
        sent: Mails that SES took.
        failed: Mails that it did not take; they wait for the next run.
        complete: Whether all were tried before time was up.
    """

    sent: int
    failed: int
    complete: bool


def send_mails(time_is_left: Callable[[], bool]) -> Mailing:
    """Mail each account what waits for its digest, and owners of webhooks that were turned off.

    A mail and the note that it was sent are one transaction: what fails in between is sent again.

    Args:
        time_is_left: Asked before each mail; what remains waits for the next run.

    Raises:
        StoreUnavailableError: Postgres cannot be reached, or SES took no mail at all.
    """
    sent = failed = 0
    for task in [
        *(partial(_send_digest, account_id=account_id) for account_id in read(_accounts)),
        *(partial(_send_notice, watchlist_id=watchlist_id) for watchlist_id in read(_disabled)),
    ]:
        if not time_is_left():
            return Mailing(sent, failed, complete=False)
        try:
            sent += write(task)
        except StoreUnavailableError as error:
            if error.store != mail.STORE:
                raise
            failed += 1
    if failed and not sent:
        raise StoreUnavailableError(mail.STORE)
    return Mailing(sent, failed, complete=True)


def _accounts(connection: Connection) -> Sequence[uuid.UUID]:
    return connection.scalars(
        select(Account.id)
        .join(Watchlist, Watchlist.account_id == Account.id)
        .join(AlertDelivery, AlertDelivery.watchlist_id == Watchlist.id)
        .where(*_WAITING)
        .group_by(Account.id)
        # Whoever waits longest comes first, where time is short.
        .order_by(func.min(AlertDelivery.created_at), Account.id)
    ).all()


def _disabled(connection: Connection) -> Sequence[uuid.UUID]:
    return connection.scalars(
        select(Watchlist.id)
        .join(Account, Account.id == Watchlist.account_id)
        .where(*_TURNED_OFF)
        .order_by(Watchlist.webhook_disabled_at)
    ).all()


def _send_digest(connection: Connection, account_id: uuid.UUID) -> int:
    rows = connection.execute(
        select(AlertDelivery.id, AlertDelivery.trade, Watchlist.name, Account.email)
        .join(Watchlist, Watchlist.id == AlertDelivery.watchlist_id)
        .join(Account, Account.id == Watchlist.account_id)
        .where(*_WAITING, Account.id == account_id)
        .order_by(
            func.lower(Watchlist.name),
            Watchlist.id,
            AlertDelivery.trade["disclosure_date"].astext.desc().nulls_last(),
            AlertDelivery.id,
        )
        .limit(MAX_TRADES)
        # A second run at the same time has its own to do.
        .with_for_update(of=AlertDelivery, skip_locked=True)
    ).all()
    if not rows:
        return 0
    connection.execute(
        update(AlertDelivery)
        .where(AlertDelivery.id.in_([row.id for row in rows]))
        .values(
            state=DeliveryState.DELIVERED,
            attempts=1,
            last_attempt_at=func.now(),
            delivered_at=func.now(),
        )
    )
    sections = "\n\n".join(
        "\n".join([_line(name), *(_entry(row.trade) for row in group)])
        for name, group in groupby(rows, key=lambda row: row.name)
    )
    url = EmailSettings().public_url.rstrip("/")
    unsubscribe = f"{url}/api/v1/watchlists/unsubscribe?token={unsubscribe_token(account_id)}"
    mail.send(
        rows[0].email,
        _SUBJECT.format(count=len(rows)),
        _BODY.format(sections=sections, unsubscribe=unsubscribe),
        {
            # One click in the reader's mail program (RFC 8058).
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    return 1


def _send_notice(connection: Connection, watchlist_id: uuid.UUID) -> int:
    row = connection.execute(
        select(Watchlist.name, Watchlist.webhook_url, Account.email)
        .join(Account, Account.id == Watchlist.account_id)
        .where(*_TURNED_OFF, Watchlist.id == watchlist_id)
        .with_for_update(of=Watchlist, skip_locked=True)
    ).one_or_none()
    if row is None:
        return 0
    connection.execute(
        update(Watchlist).where(Watchlist.id == watchlist_id).values(disabled_notice_at=func.now())
    )
    mail.send(
        row.email,
        _DISABLED_SUBJECT,
        _DISABLED_BODY.format(
            name=row.name,
            host=urlsplit(row.webhook_url).hostname,
            url=EmailSettings().public_url.rstrip("/"),
            id=watchlist_id,
        ),
    )
    return 1


def _entry(trade: dict[str, Any]) -> str:
    """Return a trade as three lines of a mail."""
    least, most = trade["amount_min"], trade["amount_max"]
    amount = f"over ${least:,.0f}" if most is None else f"${least:,.0f} - ${most:,.0f}"
    asset = f"{trade['asset']} ({trade['ticker']})" if trade["ticker"] else trade["asset"]
    disclosed = trade["disclosure_date"] or "on a day the source does not say"
    lines = [
        f"{trade['politician']}: {trade['operation'].replace('_', ' ')} of {asset}",
        f"{amount}, on {trade['transaction_date']}, disclosed {disclosed}",
    ]
    if trade["filing_url"]:
        lines.append(trade["filing_url"])
    if trade["synthetic"]:
        lines.append("Synthetic: made up for demonstration.")
    return "\n".join(["- " + _line(lines[0]), *("  " + _line(line) for line in lines[1:])])


def _line(text: str) -> str:
    """Return text of a filing or a user as one line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
