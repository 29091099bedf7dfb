"""Signatures of webhooks by Standard Webhooks, and the secrets behind them.

Every secret is derived from one master secret by HMAC-SHA256, so that whoever signs needs no
database and none is stored. Each use has a name of its own within the derivation.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Final

from quant.errors import NotFoundError
from quant.secrets import read_secret
from quant.settings import WebhookSettings

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - says what a secret is, and is none
SIGNATURE_VERSION: Final = "v1"
# How long a rotated secret goes on signing beside its successor.
OLD_SECRET_LIFETIME: Final = timedelta(hours=24)


@cache
def _master() -> bytes:
    return read_secret(WebhookSettings().secret_arn).encode()


def _derive(use: str, *names: object) -> bytes:
    text = ":".join([use, *map(str, names)])
    return hmac.digest(_master(), text.encode(), hashlib.sha256)


def _key(watchlist_id: uuid.UUID, generation: int) -> bytes:
    return _derive("webhook", watchlist_id, generation)


def secret_of(watchlist_id: uuid.UUID, generation: int) -> str:
    """Return a watchlist's secret in the form its owner gets it: ``whsec_`` and base64."""
    return SECRET_PREFIX + base64.b64encode(_key(watchlist_id, generation)).decode()


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message, ``v1,`` and base64.

    Args:
        key: The secret's bytes.
        message_id: The header ``webhook-id``.
        timestamp: The header ``webhook-timestamp``, seconds since 1970.
        body: The body as sent.
    """
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    digest = hmac.digest(key, signed, hashlib.sha256)
    return f"{SIGNATURE_VERSION},{base64.b64encode(digest).decode()}"


def signed_headers(
    message_id: str,
    timestamp: int,
    body: bytes,
    *,
    watchlist_id: uuid.UUID,
    generations: Iterable[int],
) -> dict[str, str]:
    """Return the headers that prove to a receiver who sent a message and when.

    A signature for each generation, so that a receiver may go on with the old secret for a while.
    """
    signatures = [
        signature(_key(watchlist_id, generation), message_id, timestamp, body)
        for generation in generations
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def unsubscribe_token(account_id: uuid.UUID) -> str:
    """Return the token that stops an account's digests; it is good for nothing else, for ever."""
    proof = base64.urlsafe_b64encode(_derive("unsubscribe", account_id)).decode().rstrip("=")
    return f"{account_id.hex}.{proof}"


def unsubscribing_account(token: str) -> uuid.UUID:
    """Return the account that a token of ``unsubscribe_token`` stands for.

    Raises:
        NotFoundError: It is none of ours.
    """
    try:
        account_id = uuid.UUID(token.partition(".")[0])
    except ValueError:
        account_id = uuid.UUID(int=0)
    if not hmac.compare_digest(unsubscribe_token(account_id).encode(), token.encode()):
        msg = "this link is not complete, or none of ours"
        raise NotFoundError(msg)
    return account_id
