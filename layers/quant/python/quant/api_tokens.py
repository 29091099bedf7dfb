"""Who holds an API token, the long-lived credential of a machine.

Postgres keeps a token's SHA-256. There is no copy in Valkey: API Gateway asks about a token once in
its cache's lifetime, so a copy would hardly be read, and would let a revoked token live longer.
"""

import hashlib
import re
from typing import Final

from quant.db.lookup import Lookup
from quant.tokens import ExpiredTokenError, InvalidTokenError, Principal

PREFIX: Final = "qat_"
# An API token manages no account and administers nothing, whatever its row says.
SCOPES: Final = frozenset({"read"})

_FORM: Final = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")

# Says besides when a token was last used; API Gateway's cache bounds how often that is written.
_HOLDER: Final = """
    with holder as (
        select t.id, t.account_id, a.tier, t.scopes,
            t.revoked_at is null and t.expires_at > now() and a.disabled_at is null as valid
        from api_tokens t join accounts a on a.id = t.account_id
        where t.token_hash = :hash
    ), used as (
        update api_tokens set last_used_at = now() from holder
        where api_tokens.id = holder.id and holder.valid
    )
    select id, account_id, tier, scopes, valid from holder
"""


def holder(token: str, lookup: Lookup) -> Principal:
    """Return whom an API token speaks for; its session is "".

    Raises:
        ExpiredTokenError: It has expired or was revoked, or its account is disabled.
        InvalidTokenError: It was never ours.
        StoreUnavailableError: Postgres cannot be asked.
    """
    if _FORM.fullmatch(token) is None:
        msg = "not of the form of an API token"
        raise InvalidTokenError(msg)
    rows = lookup.rows(_HOLDER, hash=hashlib.sha256(token.encode()).digest())
    if not rows:
        msg = "no such API token"
        raise InvalidTokenError(msg)
    [[token_id, account_id, tier, scopes, valid]] = rows
    if not valid:
        msg = "the API token has expired or was revoked"
        raise ExpiredTokenError(msg)
    return Principal(
        subject=str(account_id),
        tier=tier,
        scopes=tuple(scope for scope in scopes if scope in SCOPES),
        token_id=str(token_id),
        session_id="",
    )
