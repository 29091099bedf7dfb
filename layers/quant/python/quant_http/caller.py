"""Who sent a request and from where, as API Gateway and our authorizer say; never a header."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from quant.errors import UnauthorizedError
from quant.identity import stable_id
from quant.origin import Origin, anonymised_network, user_agent_hash
from quant.tiers import TIERS


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the authorizer found the request's token to speak for.

    Attributes:
        account_id: The account.
        tier: Name of a tier in the tier table.
        scopes: What the token may be used for.
        session_id: Login session of an access token; ``None`` for an API token.
        token_id: Identifier of the token.
    """

    account_id: uuid.UUID
    tier: str
    scopes: frozenset[str]
    session_id: uuid.UUID | None
    token_id: str


def caller(request: Request) -> Caller:
    """Return who sent ``request``.

    Raises:
        UnauthorizedError: The authorizer has not vouched for the request.
    """
    authorizer = _context(request).get("authorizer") or {}
    principal, tier = authorizer.get("principalId", ""), authorizer.get("tier", "")
    if not principal or tier not in TIERS:
        msg = "a valid access token is required"
        raise UnauthorizedError(msg)
    session_id = authorizer.get("session_id")
    return Caller(
        account_id=_account_id(principal),
        tier=tier,
        scopes=frozenset(authorizer.get("scope", "").split()),
        session_id=uuid.UUID(session_id) if session_id else None,
        token_id=authorizer.get("token_id", ""),
    )


def origin(request: Request) -> Origin:
    """Return where ``request`` came from, anonymised."""
    address = (_context(request).get("identity") or {}).get("sourceIp")
    return Origin(
        request_id=request.state.request_id,
        network=anonymised_network(address) if address else None,
        user_agent_hash=user_agent_hash(request.headers.get("user-agent")),
    )


def _context(request: Request) -> Mapping[str, Any]:
    context: Mapping[str, Any] = request.scope.get("aws.event", {}).get("requestContext") or {}
    return context


def _account_id(principal: str) -> uuid.UUID:
    try:
        return uuid.UUID(principal)
    except ValueError:
        # A demo token may be minted for any name; it gets an account id of its own.
        return stable_id("account", principal)
