"""What a webhook says, in the form of Standard Webhooks: a type, a time and data."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from quant.pipeline.messages import TRADE_DISCLOSED

TEST: Final = "webhook.test"


def event_body(
    *,
    watchlist_id: uuid.UUID,
    watchlist: str,
    matched: Sequence[str],
    trade: Mapping[str, Any] | None,
    created_at: datetime,
) -> str:
    """Return the body of a webhook, JSON.

    Args:
        watchlist_id: The watchlist it is sent for.
        watchlist: Name of the watchlist.
        matched: Which of its lists hold the trade.
        trade: The trade; without one it is a test.
        created_at: When the trade was matched, or the test asked for.
    """
    data: dict[str, Any] = {"watchlist": {"id": str(watchlist_id), "name": watchlist}}
    if trade is not None:
        data |= {"matched": list(matched), "trade": trade}
    event = {
        "type": TEST if trade is None else TRADE_DISCLOSED,
        "timestamp": created_at.isoformat(),
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
