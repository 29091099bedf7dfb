"""Messages to be sent once what they are about is committed: a transactional outbox.

A row is written in the transaction that made its fact true, and sent from here by a function that
runs every minute: at least once, in no certain order. A topic has each key once, ever, so that
doing the work again says nothing twice.
"""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import Connection, text

from quant.ingest.bulk import changed_rows
from quant.pipeline.messages import FETCH_REQUESTED, TRADE_DISCLOSED, FetchRequest, TradeDisclosed

# A trade is news while its disclosure is; loading the filings of past years is none. Where the
# day of filing is unknown, the signature or the last day allowed for filing stands for it (45
# days after the transaction, 5 U.S.C. 13105(l)).
NEWS_DAYS: Final = 30


@dataclass(frozen=True)
class Message:
    """A message of the outbox; ``payload`` is a message of ``quant.pipeline.messages`` as JSON."""

    id: int
    topic: str
    payload: dict[str, Any]


def pending(connection: Connection, limit: int) -> list[Message]:
    """Return the oldest messages that are not known to be sent, locked against other senders.

    Other transactions skip them until this one ends.
    """
    rows = connection.execute(
        text(
            "select id, topic, payload from outbox where sent_at is null"
            " order by id limit :limit for update skip locked"
        ),
        {"limit": limit},
    )
    return [Message(row.id, row.topic, row.payload) for row in rows]


def mark_sent(connection: Connection, ids: Sequence[int]) -> None:
    """Take note that messages were sent."""
    changed_rows(
        connection, "update outbox set sent_at = now() where id = any(:ids)", ids=list(ids)
    )


def request_fetch(connection: Connection, requests: Collection[FetchRequest]) -> int:
    """Ask for filings to be fetched; return how many were not asked for before."""
    messages = {f"{request.source}/{request.doc_id}": request for request in requests}
    return _write(connection, FETCH_REQUESTED, messages)


def announce(connection: Connection, trade_ids: Collection[uuid.UUID]) -> int:
    """Announce trades that became known and are news; return how many."""
    if not trade_ids:
        return 0
    rows = connection.execute(_DISCLOSED, {"ids": list(trade_ids), "days": NEWS_DAYS})
    messages = {
        str(row.trade_id): TradeDisclosed.model_validate(dict(row._mapping)) for row in rows
    }
    return _write(connection, TRADE_DISCLOSED, messages)


def _write(connection: Connection, topic: str, messages: Mapping[str, BaseModel]) -> int:
    rows = [
        {"key": key, "payload": message.model_dump(mode="json")}
        for key, message in messages.items()
    ]
    return changed_rows(
        connection,
        "insert into outbox (topic, key, payload) select :topic, key, payload"
        " from jsonb_to_recordset(cast(:rows as jsonb)) as s (key text, payload jsonb)"
        " on conflict do nothing",
        topic=topic,
        rows=json.dumps(rows),
    )


# A trade that stands for a line announced before, such as one filed twice, is no news either.
_DISCLOSED: Final = text(
    """
    select t.id as trade_id, p.id as politician_id, p.full_name as politician, t.ticker, t.asset,
        t.operation, t.owner, t.transaction_date, t.disclosure_date, t.amount_min, t.amount_max,
        f.url as filing_url, p.synthetic
    from trades t
    join politicians p on p.id = t.politician_id
    join filings f on f.id = t.filing_id
    join filing_documents d on d.filing_id = f.id and d.sha256 = f.sha256
    where t.id = any(:ids)
        and coalesce(t.disclosure_date, d.signed_date, t.transaction_date + 45)
            >= d.collected_on - cast(:days as integer)
        and not exists (
            select from filing_lines l join outbox o
                on o.topic = 'trade.disclosed' and o.key = l.trade_id::text
            where l.counterpart_id = t.id and l.outcome = 'repeated'
        )
    order by t.transaction_date, t.id
    """
)
