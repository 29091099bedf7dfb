"""The rate limiter in front of an endpoint, and how answers tell clients where they stand.

Source of the headers: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
(the three fields of its revisions up to 06), and the same under their older ``X-`` names.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request

from quant.errors import StoreUnavailableError
from quant.limits import Decision, WindowState, account_windows, anonymous_windows, limiter
from quant.vocabulary import AuditEvent
from quant_http.caller import Caller, caller, origin
from quant_http.routes import Access, Route, Store
from quant_http.telemetry import note_fallback

_UNKNOWN_NETWORK: Final = "unknown"

_logger = logging.getLogger("quant")


def account_subject(account: Caller) -> str:
    """Return what the limiter knows a caller's account by."""
    return f"account:{account.account_id}"


def check_limits(
    request: Request, route: Route, command: Sequence[str] | None = None
) -> tuple[Decision, Any]:
    """Count a request and decide whether it may pass; note the first refusal of a window.

    Args:
        request: The request.
        route: Its route.
        command: A command of Valkey to run in the same round trip.

    Returns:
        The decision, and what the command returned; ``None`` where it failed.

    Raises:
        UnauthorizedError: The route is for accounts and the authorizer has named none.
    """
    if route.access is Access.TOKEN:
        account = caller(request)
        subject = account_subject(account)
        windows = account_windows(account.tier, route.endpoint_class)
    else:
        subject = f"network:{origin(request).network or _UNKNOWN_NETWORK}"
        windows = anonymous_windows(route.endpoint_class)
    if command is None:
        decision, found = limiter().check(subject, windows), None
    else:
        decision, found = limiter().check_with(command, subject, windows)
    if not decision.exact:
        note_fallback()
    for state in decision.states:
        if state.first_refusal:
            _note_refusal(request, route, subject, state)
    return decision, found


def limit_headers(decision: Decision) -> dict[str, str]:
    """Return the headers that tell a client where it stands, in the window that binds it first."""
    state = decision.tightest
    fields = {
        "Limit": state.window.limit,
        "Remaining": state.remaining if decision.allowed else 0,
        "Reset": state.reset,
    }
    return {
        f"{prefix}{name}": str(value)
        for prefix in ("RateLimit-", "X-RateLimit-")
        for name, value in fields.items()
    }


def _note_refusal(request: Request, route: Route, subject: str, state: WindowState) -> None:
    if Store.POSTGRES not in route.stores:
        return
    from quant.audit import record_or_queue  # noqa: PLC0415 - only a refusal needs it

    try:
        record_or_queue(
            AuditEvent.LIMIT_EXCEEDED,
            actor=caller(request).account_id if route.access is Access.TOKEN else None,
            target=subject,
            origin=origin(request),
            details={
                "route": route.name,
                "window": state.window.name,
                "limit": state.window.limit,
                "window_s": state.window.seconds,
            },
        )
    except StoreUnavailableError:
        # The entry is in the function's log; the refusal stands.
        _logger.warning("the audit log and its queue are unavailable")
