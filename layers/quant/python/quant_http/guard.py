"""What stands between the gateway and every endpoint: scope, rate limits, limits on bodies."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from quant.errors import ForbiddenError, QuantError
from quant.observability import tracing
from quant_http.bodies import BodyTooLargeError, read_body, refuse_body, replay
from quant_http.caller import caller
from quant_http.limits import check_limits, limit_headers
from quant_http.problems import answer, problem
from quant_http.routes import Access, Route
from quant_http.telemetry import note_throttled


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
            refusal = self._check_limits(request)
        except QuantError as error:
            refusal = answer(request, error)
        if refusal is None:
            try:
                body = await read_body(receive)
                refusal = refuse_body(request, body, takes_forms=self._route.takes_forms)
            except BodyTooLargeError:
                refusal = problem(request, 413, "the body is longer than any this API takes")
        if refusal is None:
            with tracing.part("handler"):
                await self._app(scope, replay(body), send)
        else:
            await refusal(scope, receive, send)

    def _check_scope(self, request: Request) -> None:
        if self._route.access is Access.PUBLIC:
            return
        if self._route.scope not in caller(request).scopes:
            msg = f"the token lacks the scope {self._route.scope}"
            raise ForbiddenError(msg)

    def _check_limits(self, request: Request) -> Response | None:
        if not self._route.is_limited:
            return None
        with tracing.part("limits"):
            decision = check_limits(request, self._route)
        request.state.answer_headers.update(limit_headers(decision))
        if decision.allowed:
            return None
        note_throttled()
        window = decision.tightest.window
        return problem(
            request,
            429,
            f"no more than {window.limit} requests in {window.seconds:g} s ({window.name})",
            headers={"Retry-After": str(decision.retry_after)},
        )
