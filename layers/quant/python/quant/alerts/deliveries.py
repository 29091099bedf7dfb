"""Deliveries of webhooks: queue them, keep how their attempts went, list them."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from quant import audit
from quant.alerts import queue
from quant.alerts.events import event_body
from quant.alerts.retries import GONE, is_final
from quant.alerts.signing import OLD_SECRET_LIFETIME
from quant.alerts.watchlists import not_found, owned
from quant.db.alert_models import AlertDelivery, Watchlist
from quant.db.keyset import SortKey, fetch_page
from quant.db.session import read, write
from quant.errors import ConflictError
from quant.origin import Origin
from quant.paging import DEFAULT_LIMIT, Page
from quant.pipeline.messages import DeliveryReport, WebhookRequest
from quant.vocabulary import AlertChannel, AuditEvent, DeliveryState

# A webhook that has failed for this long is disabled when a delivery fails for good.
DISABLED_AFTER: Final = timedelta(days=3)
# Longer than a message can wait in a queue and its dead-letter queue: until then, a trade that is
# disclosed again is known to have been announced.
RETENTION: Final = timedelta(days=90)

_SHOWN: Final = (
    AlertDelivery.id,
    AlertDelivery.channel,
    AlertDelivery.trade_id,
    AlertDelivery.matched,
    AlertDelivery.state,
    AlertDelivery.created_at,
    AlertDelivery.attempts,
    AlertDelivery.last_attempt_at,
    AlertDelivery.status,
    AlertDelivery.detail,
    AlertDelivery.delivered_at,
)
_SORT_KEYS: Final = {
    "created_at": SortKey(AlertDelivery.created_at, AlertDelivery.id, datetime.fromisoformat)
}


def queue_webhooks(connection: Connection, deliveries: Iterable[uuid.UUID]) -> None:
    """Queue deliveries and mark them queued, in the caller's transaction.

    Those that are marked already are left alone: a transaction that was repeated, or ran beside
    another, queues nothing twice. One that is not committed after all leaves messages behind,
    whose deliveries have the same ids when they are queued again.

    Raises:
        StoreUnavailableError: The queue cannot be reached.
    """
    rows = connection.execute(
        update(AlertDelivery)
        .where(
            AlertDelivery.id.in_(deliveries),
            AlertDelivery.queued_at.is_(None),
            AlertDelivery.watchlist_id == Watchlist.id,
        )
        .values(queued_at=func.now())
        .returning(
            AlertDelivery.id,
            AlertDelivery.trade,
            AlertDelivery.matched,
            AlertDelivery.url,
            AlertDelivery.created_at,
            AlertDelivery.watchlist_id,
            Watchlist.name,
            Watchlist.secret_generation,
            Watchlist.secret_rotated_at,
        )
    ).all()
    queue.send_requests([_request(row) for row in rows])


def _request(row: Row[*tuple[Any, ...]]) -> WebhookRequest:
    generations = [row.secret_generation]
    rotated_at = row.secret_rotated_at
    if rotated_at and datetime.now(UTC) - rotated_at < OLD_SECRET_LIFETIME:
        generations.append(row.secret_generation - 1)
    return WebhookRequest(
        delivery_id=row.id,
        watchlist_id=row.watchlist_id,
        generations=tuple(generations),
        url=row.url,
        body=event_body(
            watchlist_id=row.watchlist_id,
            watchlist=row.name,
            matched=row.matched,
            trade=row.trade,
            created_at=row.created_at,
        ),
    )


def send_test(account_id: uuid.UUID, watchlist_id: uuid.UUID) -> dict[str, Any]:
    """Queue a test of a watchlist's webhook and return the delivery.

    Raises:
        ConflictError: The watchlist has no webhook.
        NotFoundError: The account has no such watchlist.
        StoreUnavailableError: Postgres or the queue cannot be reached.
    """

    def query(connection: Connection) -> dict[str, Any]:
        watchlist = connection.execute(
            select(Watchlist.webhook_url).where(owned(account_id, watchlist_id))
        ).one_or_none()
        if watchlist is None:
            raise not_found(watchlist_id)
        if watchlist.webhook_url is None:
            msg = "the watchlist has no webhook"
            raise ConflictError(msg)
        row = connection.execute(
            insert(AlertDelivery)
            .values(
                watchlist_id=watchlist_id,
                channel=AlertChannel.WEBHOOK,
                matched=[],
                url=watchlist.webhook_url,
            )
            .returning(*_SHOWN)
        ).one()
        queue_webhooks(connection, [row.id])
        return dict(row._mapping)

    return write(query)


def list_deliveries(
    account_id: uuid.UUID,
    watchlist_id: uuid.UUID,
    *,
    state: DeliveryState | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page:
    """Return one page of a watchlist's deliveries, the newest first.

    Raises:
        InvalidCursorError: The cursor is malformed or belongs to other filters.
        NotFoundError: The account has no such watchlist.
        StoreUnavailableError: Postgres cannot be reached.
    """
    statement = select(*_SHOWN).where(AlertDelivery.watchlist_id == watchlist_id)
    if state is not None:
        statement = statement.where(AlertDelivery.state == state)

    def query(connection: Connection) -> Page:
        if connection.scalar(select(Watchlist.id).where(owned(account_id, watchlist_id))) is None:
            raise not_found(watchlist_id)
        return fetch_page(
            connection,
            statement,
            lambda row: {column.key: getattr(row, column.key) for column in _SHOWN},
            sort_keys=_SORT_KEYS,
            sort="-created_at",
            filters={"watchlist": watchlist_id, "state": state},
            limit=limit,
            cursor=cursor,
        )

    return read(query)


def record_attempt(connection: Connection, report: DeliveryReport) -> None:
    """Keep how an attempt to post a webhook went; a repeated or late report changes nothing more.

    A delivered one stays delivered. A webhook that answers "gone", or fails for good after
    ``DISABLED_AFTER`` of failures, is disabled.
    """
    # The watchlist first, as whoever changes or deletes it locks: in another order they deadlock.
    row = connection.execute(
        select(
            Watchlist.id,
            Watchlist.webhook_url,
            Watchlist.last_delivered_at,
            Watchlist.failing_since,
            Watchlist.webhook_disabled_at,
            AlertDelivery.url,
            AlertDelivery.state,
            AlertDelivery.attempts,
            AlertDelivery.last_attempt_at,
        )
        .join_from(Watchlist, AlertDelivery, AlertDelivery.watchlist_id == Watchlist.id)
        .where(AlertDelivery.id == report.delivery_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return
    final = is_final(report.attempt, report.status)
    connection.execute(
        update(AlertDelivery)
        .where(AlertDelivery.id == report.delivery_id)
        .values(_outcome(row, report, final=final))
    )
    if row.webhook_url != row.url:
        return
    health = _health(row, report, final=final)
    connection.execute(update(Watchlist).where(Watchlist.id == row.id).values(health))
    if health.get("webhook_disabled_at"):
        audit.record(
            connection,
            AuditEvent.WEBHOOK_DISABLED,
            actor=None,
            target=str(row.id),
            origin=Origin(),
            details={"status": report.status},
        )


def _outcome(row: Any, report: DeliveryReport, *, final: bool) -> dict[str, Any]:
    values: dict[str, Any] = {"attempts": max(row.attempts, report.attempt)}
    if report.delivered:
        values |= {"state": DeliveryState.DELIVERED, "delivered_at": report.attempted_at}
    elif final and row.state is DeliveryState.PENDING:
        values["state"] = DeliveryState.FAILED
    if row.last_attempt_at is None or row.last_attempt_at <= report.attempted_at:
        values |= {
            "last_attempt_at": report.attempted_at,
            "status": report.status,
            "detail": report.detail or None,
        }
    return values


def _health(row: Any, report: DeliveryReport, *, final: bool) -> dict[str, Any]:
    at = report.attempted_at
    if report.delivered:
        delivered = max(row.last_delivered_at or at, at)
        still = row.failing_since if row.failing_since and row.failing_since > delivered else None
        return {"last_delivered_at": delivered, "failing_since": still}
    if row.last_delivered_at is not None and at <= row.last_delivered_at:
        return {"failing_since": row.failing_since}
    failing_since = min(row.failing_since or at, at)
    values: dict[str, Any] = {"failing_since": failing_since}
    persistent = final and at - failing_since >= DISABLED_AFTER
    if row.webhook_disabled_at is None and (persistent or report.status == GONE):
        values["webhook_disabled_at"] = at
    return values


def purge(connection: Connection) -> int:
    """Delete what is older than ``RETENTION`` and return how many deliveries that were."""
    deleted = connection.execute(
        delete(AlertDelivery).where(AlertDelivery.created_at < func.now() - RETENTION)
    )
    return deleted.rowcount
