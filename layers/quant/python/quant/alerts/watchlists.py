"""Watchlists of an account: make, list, read, change, delete, and rotate the webhook's secret."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    case,
    delete,
    func,
    insert,
    null,
    select,
    update,
)

from quant import audit
from quant.alerts.content import WatchlistContent
from quant.alerts.endpoints import check_url
from quant.alerts.signing import secret_of
from quant.db.account_models import Account
from quant.db.alert_models import AlertDelivery, Watchlist
from quant.db.keyset import SortKey, fetch_page
from quant.db.models import Committee, Politician
from quant.db.session import read, write
from quant.errors import ConflictError, InvalidInputError, NotFoundError
from quant.origin import Origin
from quant.paging import DEFAULT_LIMIT, Page
from quant.tiers import TIERS
from quant.vocabulary import AlertChannel, AuditEvent, DeliveryState

_SHOWN: Final = (
    Watchlist.id,
    Watchlist.name,
    Watchlist.tickers,
    Watchlist.politicians,
    Watchlist.committees,
    Watchlist.digest,
    Watchlist.webhook_url,
    Watchlist.failing_since,
    Watchlist.webhook_disabled_at,
    Watchlist.created_at,
    Watchlist.updated_at,
)
_SORT_KEYS: Final = {
    "created_at": SortKey(Watchlist.created_at, Watchlist.id, datetime.fromisoformat)
}


def not_found(watchlist_id: uuid.UUID) -> NotFoundError:
    """Return the error that an account has no such watchlist."""
    return NotFoundError(f"you have no watchlist {watchlist_id}")


def owned(account_id: uuid.UUID, watchlist_id: uuid.UUID) -> ColumnElement[bool]:
    """Return the condition that a watchlist is this one, and the account's own."""
    return (Watchlist.id == watchlist_id) & (Watchlist.account_id == account_id)


def create(account_id: uuid.UUID, content: WatchlistContent, origin: Origin) -> dict[str, Any]:
    """Make a watchlist and return it with its webhook's secret.

    Raises:
        ConflictError: The account has as many watchlists as its tier allows.
        InvalidInputError: The content is not acceptable.
        NotFoundError: There is no such account.
        StoreUnavailableError: Postgres cannot be reached.
    """
    _check(content)

    def query(connection: Connection) -> dict[str, Any]:
        values = _values(connection, content)
        # Locked, so that requests at the same time cannot exceed the number together.
        tier = connection.scalar(
            select(Account.tier).where(Account.id == account_id).with_for_update(key_share=True)
        )
        if tier is None:
            msg = f"there is no account {account_id}"
            raise NotFoundError(msg)
        held = connection.scalar(
            select(func.count()).select_from(Watchlist).where(Watchlist.account_id == account_id)
        )
        if (held or 0) >= TIERS[tier].watchlists:
            msg = f"the tier {tier} has {TIERS[tier].watchlists} watchlists; delete one first"
            raise ConflictError(msg)
        row = connection.execute(
            insert(Watchlist)
            .values(id=uuid.uuid4(), account_id=account_id, **values)
            .returning(*_SHOWN, Watchlist.secret_generation)
        ).one()
        _record(
            connection,
            AuditEvent.WATCHLIST_CREATED,
            account_id,
            target=row.id,
            origin=origin,
            content=content,
        )
        return {**_shape(row), "webhook_secret": secret_of(row.id, row.secret_generation)}

    return write(query)


def list_watchlists(
    account_id: uuid.UUID, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page:
    """Return one page of an account's watchlists, the newest first.

    Raises:
        InvalidCursorError: The cursor is malformed or another account's.
        StoreUnavailableError: Postgres cannot be reached.
    """
    return read(
        lambda connection: fetch_page(
            connection,
            select(*_SHOWN).where(Watchlist.account_id == account_id),
            _shape,
            sort_keys=_SORT_KEYS,
            sort="-created_at",
            filters={"account": account_id},
            limit=limit,
            cursor=cursor,
        )
    )


def get_watchlist(account_id: uuid.UUID, watchlist_id: uuid.UUID) -> dict[str, Any]:
    """Return one of an account's watchlists.

    Raises:
        NotFoundError: The account has no such watchlist.
        StoreUnavailableError: Postgres cannot be reached.
    """
    row = read(
        lambda connection: connection.execute(
            select(*_SHOWN).where(owned(account_id, watchlist_id))
        ).one_or_none()
    )
    if row is None:
        raise not_found(watchlist_id)
    return _shape(row)


def replace(
    account_id: uuid.UUID, watchlist_id: uuid.UUID, content: WatchlistContent, origin: Origin
) -> dict[str, Any]:
    """Replace the content of a watchlist and return it; a disabled webhook is tried again.

    Raises:
        InvalidInputError: The content is not acceptable.
        NotFoundError: The account has no such watchlist.
        StoreUnavailableError: Postgres cannot be reached.
    """
    _check(content)

    def query(connection: Connection) -> dict[str, Any]:
        same_url = Watchlist.webhook_url.is_not_distinct_from(content.webhook_url)
        row = connection.execute(
            update(Watchlist)
            .where(owned(account_id, watchlist_id))
            .values(
                **_values(connection, content),
                updated_at=func.now(),
                last_delivered_at=case((same_url, Watchlist.last_delivered_at)),
                failing_since=null(),
                webhook_disabled_at=null(),
                disabled_notice_at=null(),
            )
            .returning(*_SHOWN)
        ).one_or_none()
        if row is None:
            raise not_found(watchlist_id)
        if not content.digest:
            drop_waiting_digests(connection, [watchlist_id])
        _record(
            connection,
            AuditEvent.WATCHLIST_CHANGED,
            account_id,
            target=row.id,
            origin=origin,
            content=content,
        )
        return _shape(row)

    return write(query)


def remove(account_id: uuid.UUID, watchlist_id: uuid.UUID, origin: Origin) -> None:
    """Delete a watchlist with the record of its deliveries.

    Raises:
        NotFoundError: The account has no such watchlist.
        StoreUnavailableError: Postgres cannot be reached.
    """

    def query(connection: Connection) -> None:
        deleted = connection.execute(
            delete(Watchlist).where(owned(account_id, watchlist_id)).returning(Watchlist.id)
        ).one_or_none()
        if deleted is None:
            raise not_found(watchlist_id)
        _record(
            connection, AuditEvent.WATCHLIST_DELETED, account_id, target=watchlist_id, origin=origin
        )

    write(query)


def rotate_secret(account_id: uuid.UUID, watchlist_id: uuid.UUID, origin: Origin) -> str:
    """Replace the secret of a watchlist's webhook and return the new one.

    The old one goes on signing beside it for ``quant.alerts.signing.OLD_SECRET_LIFETIME``.

    Raises:
        NotFoundError: The account has no such watchlist.
        StoreUnavailableError: Postgres cannot be reached.
    """

    def query(connection: Connection) -> str:
        generation = connection.execute(
            update(Watchlist)
            .where(owned(account_id, watchlist_id))
            .values(
                secret_generation=Watchlist.secret_generation + 1,
                secret_rotated_at=func.now(),
                updated_at=func.now(),
            )
            .returning(Watchlist.secret_generation)
        ).scalar_one_or_none()
        if generation is None:
            raise not_found(watchlist_id)
        _record(
            connection,
            AuditEvent.WEBHOOK_SECRET_ROTATED,
            account_id,
            target=watchlist_id,
            origin=origin,
        )
        return secret_of(watchlist_id, generation)

    return write(query)


def stop_digests(account_id: uuid.UUID, origin: Origin) -> None:
    """Turn the digests of all of an account's watchlists off, as a link of each digest does.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
    """

    def query(connection: Connection) -> None:
        stopped = connection.scalars(
            update(Watchlist)
            .where(Watchlist.account_id == account_id, Watchlist.digest)
            .values(digest=False, updated_at=func.now())
            .returning(Watchlist.id)
        ).all()
        if stopped:
            drop_waiting_digests(connection, stopped)
            _record(
                connection, AuditEvent.DIGESTS_STOPPED, account_id, target=account_id, origin=origin
            )

    write(query)


def drop_waiting_digests(connection: Connection, watchlists: Iterable[uuid.UUID]) -> None:
    """Forget the alerts that wait for a digest: a later one must not bring up old trades."""
    connection.execute(
        delete(AlertDelivery).where(
            AlertDelivery.watchlist_id.in_(watchlists),
            AlertDelivery.channel == AlertChannel.DIGEST,
            AlertDelivery.state == DeliveryState.PENDING,
        )
    )


def _shape(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in _SHOWN}


def _check(content: WatchlistContent) -> None:
    if not (content.tickers or content.politicians or content.committees):
        msg = "a watchlist needs a ticker, a politician or a committee"
        raise InvalidInputError("tickers", "nothing_watched", msg)
    if content.webhook_url is not None:
        check_url(content.webhook_url)
    elif not content.digest:
        msg = "a watchlist needs a webhook, digests, or both"
        raise InvalidInputError("webhook_url", "no_channel", msg)


def _values(connection: Connection, content: WatchlistContent) -> dict[str, Any]:
    return {
        "name": content.name,
        "tickers": sorted(set(content.tickers)),
        "politicians": _politicians(connection, content.politicians),
        "committees": _committees(connection, content.committees),
        "digest": content.digest,
        "webhook_url": content.webhook_url,
    }


def _politicians(connection: Connection, identifiers: Iterable[str]) -> list[uuid.UUID]:
    asked = {identifier.lower() for identifier in identifiers}
    if not asked:
        return []
    ids = [uuid.UUID(identifier) for identifier in asked if "-" in identifier]
    bioguide_ids = [identifier.upper() for identifier in asked if "-" not in identifier]
    found: dict[str, uuid.UUID] = {}
    for row in connection.execute(
        select(Politician.id, Politician.bioguide_id).where(
            Politician.id.in_(ids) | Politician.bioguide_id.in_(bioguide_ids)
        )
    ):
        found[str(row.id)] = row.id
        found[(row.bioguide_id or "").lower()] = row.id
    _require_known("politicians", asked - found.keys())
    return sorted({found[identifier] for identifier in asked})


def _committees(connection: Connection, committees: Iterable[str]) -> list[str]:
    asked = set(committees)
    if asked:
        found = connection.scalars(select(Committee.id).where(Committee.id.in_(asked)))
        _require_known("committees", asked.difference(found))
    return sorted(asked)


def _require_known(field: str, unknown: Iterable[str]) -> None:
    first = min(unknown, default=None)
    if first is not None:
        raise InvalidInputError(field, "unknown", f"there is none called {first}")


def _record(
    connection: Connection,
    event: AuditEvent,
    account_id: uuid.UUID,
    *,
    target: uuid.UUID,
    origin: Origin,
    content: WatchlistContent | None = None,
) -> None:
    details = None
    if content is not None:
        # Neither name nor address: both may hold what is nobody's business.
        details = {"webhook": content.webhook_url is not None, "digest": content.digest}
    audit.record(
        connection, event, actor=account_id, target=str(target), origin=origin, details=details
    )
