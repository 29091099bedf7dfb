"""What stands between the gateway and every endpoint: scope, limits, and answers that are kept."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from quant.errors import ForbiddenError, QuantError
from quant.limits import Decision
from quant.observability import tracing
from quant_http.answers import KeptAnswer, Lookup, cache, query_of
from quant_http.bodies import BodyTooLargeError, read_body, refuse_body, replay
from quant_http.caller import caller
from quant_http.direct import DirectEndpoint
from quant_http.limits import check_limits, limit_headers
from quant_http.problems import answer, problem
from quant_http.routes import Access, Route
from quant_http.telemetry import note_lookup, note_throttled


class Guard:
    """ASGI middleware that lets only those requests through that may use the route.

    The gateway's authorizer has refused others already; this holds if it is ever left out. What may
    pass is answered here if the cache has the answer; it is asked together with the limiter.

    Args:
        app: What answers other requests.
        route: The route.
        direct: What answers those of them that it can, where the route's answers are kept.
    """

    def __init__(self, app: ASGIApp, route: Route, direct: DirectEndpoint | None) -> None:
        self._app = app
        self._route = route
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request with a problem or from the cache, or hand it on."""
        request = Request(scope, receive)
        try:
            self._check_scope(request)
            response = self._check_limits(request)
        except QuantError as error:
            response = answer(request, error)
        if response is None:
            try:
                body = await read_body(receive)
                response = refuse_body(request, body, takes_forms=self._route.takes_forms)
            except BodyTooLargeError:
                response = problem(request, 413, "the body is longer than any this API takes")
        is_kept = self._route.cached and request.method == self._route.method
        if response is None and is_kept:
            response = _kept_answer(request)
            # What is kept for everybody must not depend on who happened to ask first.
            scope = {name: value for name, value in scope.items() if name != "aws.event"}
        if response is None:
            with tracing.part("handler"):
                if is_kept and self._direct is not None:
                    response = await self._direct.answer(Request(scope))
                if response is None:
                    await self._app(scope, replay(body), send)
        if response is not None:
            await response(scope, receive, send)

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
            decision = self._ask_valkey(request)
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

    def _ask_valkey(self, request: Request) -> Decision:
        """Decide on a request, and look its answer up in the same round trip."""
        if not self._route.cached:
            return check_limits(request, self._route)[0]
        query = query_of(request, self._route)
        decision, result = check_limits(request, self._route, cache.lookup(query))
        kept = cache.found(result)
        request.state.lookup = Lookup(query, None if kept is None else KeptAnswer.load(kept))
        return decision


def _kept_answer(request: Request) -> Response | None:
    """Return the answer that the cache has, unless only the endpoint can tell if it still holds."""
    found: KeptAnswer | None = request.state.lookup.found
    if found is None or found.state is not None:
        return None
    note_lookup(True)
    return found.response(request)
