"""Which watchlists a disclosed trade concerns."""

from functools import partial
from itertools import batched
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import array, insert

from quant.alerts.deliveries import queue_webhooks
from quant.db.account_models import Account
from quant.db.alert_models import AlertDelivery, Watchlist
from quant.db.models import CommitteeMembership
from quant.db.session import read, write
from quant.pipeline.messages import TradeDisclosed
from quant.vocabulary import AlertChannel

# Webhooks queued in one transaction, which holds the locks of their rows meanwhile.
_AT_ONCE: Final = 200


def announce(trade: TradeDisclosed) -> int:
    """Alert the watchlists that a trade concerns, each once however often it is disclosed.

    Deliveries are kept first and then queued, in transactions of their own: whatever is not
    queued when this fails, is when the event comes again.

    Returns:
        How many alerts are new.

    Raises:
        StoreUnavailableError: Postgres or the queue cannot be reached; try again.
    """
    new = write(lambda connection: _keep(connection, trade))
    waiting = read(
        lambda connection: connection.scalars(
            select(AlertDelivery.id)
            .where(
                AlertDelivery.trade_id == trade.trade_id,
                AlertDelivery.channel == AlertChannel.WEBHOOK,
                AlertDelivery.queued_at.is_(None),
            )
            .order_by(AlertDelivery.id)
        ).all()
    )
    for part in batched(waiting, _AT_ONCE):
        write(partial(queue_webhooks, deliveries=part))
    return new


def _keep(connection: Connection, trade: TradeDisclosed) -> int:
    reasons = _reasons(connection, trade)
    columns = ("watchlist_id", "channel", "trade_id", "trade", "matched", "url")
    announced = literal(_announced(trade), AlertDelivery.trade.type)
    matched = func.array_remove(
        array([case((held, literal(name))) for name, held in reasons.items()]), None
    )
    new = 0
    for channel, wanted, url in (
        (
            AlertChannel.WEBHOOK,
            Watchlist.webhook_url.is_not(None) & Watchlist.webhook_disabled_at.is_(None),
            Watchlist.webhook_url,
        ),
        (AlertChannel.DIGEST, Watchlist.digest, literal(None, Watchlist.webhook_url.type)),
    ):
        concerned = (
            select(
                Watchlist.id,
                literal(channel, AlertDelivery.channel.type),
                literal(trade.trade_id, AlertDelivery.trade_id.type),
                announced,
                matched,
                url,
            )
            .join(Account, Account.id == Watchlist.account_id)
            .where(
                or_(*reasons.values()),
                wanted,
                Account.disabled_at.is_(None),
                Account.email_verified_at.is_not(None),
            )
            # Two that insert the same at the same time wait for each other in one order only.
            .order_by(Watchlist.id)
        )
        new += connection.execute(
            insert(AlertDelivery).from_select(columns, concerned).on_conflict_do_nothing()
        ).rowcount
    return new


def _reasons(connection: Connection, trade: TradeDisclosed) -> dict[str, ColumnElement[bool]]:
    """Return the conditions under which a watchlist holds the trade, by what it is held by."""
    committees = connection.scalars(
        select(CommitteeMembership.committee_id).where(
            CommitteeMembership.politician_id == trade.politician_id
        )
    ).all()
    reasons: dict[str, ColumnElement[bool]] = {
        "politician": Watchlist.politicians.contains([trade.politician_id])
    }
    if trade.ticker is not None:
        reasons["ticker"] = Watchlist.tickers.contains([trade.ticker])
    if committees:
        reasons["committee"] = Watchlist.committees.overlap(committees)
    return reasons


def _announced(trade: TradeDisclosed) -> dict[str, Any]:
    """Return a trade as an alert shows it: like the API, with amounts as numbers."""
    return {
        **trade.model_dump(mode="json"),
        "amount_min": float(trade.amount_min),
        "amount_max": None if trade.amount_max is None else float(trade.amount_max),
    }
