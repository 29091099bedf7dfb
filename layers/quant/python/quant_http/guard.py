"""What stands between the gateway and every endpoint: the caller's scope."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from quant.errors import ForbiddenError, QuantError
from quant_http.caller import caller
from quant_http.problems import answer
from quant_http.routes import Access, Route


class Guard:
    """ASGI middleware that lets only those requests through that may use the route.

    The gateway's authorizer has refused others already; this holds if it is ever left out.
    """

    def __init__(self, app: ASGIApp, route: Route) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request with a problem, or hand it on."""
        request = Request(scope, receive)
        try:
            self._check_scope(request)
        except QuantError as error:
            await answer(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_scope(self, request: Request) -> None:
        if self._route.access is Access.PUBLIC:
            return
        if self._route.scope not in caller(request).scopes:
            msg = f"the token lacks the scope {self._route.scope}"
            raise ForbiddenError(msg)
