"""The FastAPI app of one route and its Lambda handler."""

import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from fastapi import Depends, FastAPI, Request
from mangum import Mangum
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quant import cold_start, valkey_store
from quant.observability import tracing
from quant.settings import edge_settings
from quant.snapstart import before_snapshot
from quant_http import problems, telemetry
from quant_http.answers import COMPRESS_FROM_BYTES
from quant_http.direct import DirectEndpoint
from quant_http.edge import finish
from quant_http.guard import Guard
from quant_http.parameters import refuse_repeated_parameters
from quant_http.routes import Route, Store, route
from quant_http.startup import load_settings

REQUEST_ID_HEADER: Final = "X-Request-Id"
# What fits a header and a line of the log.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")

# Bodies of other types are sent to API Gateway in base64.
_TEXT_MEDIA_TYPES: Final = ["text/", "application/json", problems.MEDIA_TYPE]


class _RequestContext:
    """ASGI middleware: gives each request an id, answers what no handler caught, logs the end."""

    def __init__(self, app: ASGIApp, route: Route) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        observed = telemetry.begin()
        context = scope.get("aws.event", {}).get("requestContext", {})
        request_id = context.get("requestId", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = str(uuid.uuid4())
        # Headers that the guard adds to whatever the answer turns out to be.
        state: dict[str, Any] = {"request_id": request_id, "answer_headers": {}}
        scope.setdefault("state", {}).update(state)
        status = 500

        async def send_finished(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=list(message["headers"]))
                headers[REQUEST_ID_HEADER] = request_id
                headers.update(scope["state"]["answer_headers"])
                finish(
                    headers,
                    status=status,
                    request=Headers(scope=scope),
                    route=self._route,
                    settings=edge_settings(),
                )
                message["headers"] = headers.raw
            await send(message)

        name = self._route.name
        principal = telemetry.identify(scope, request_id, name)
        with tracing.invocation(name) as trace:
            trace.annotate(request_id=request_id, route=name, principal=principal)
            try:
                await self._app(scope, receive, send_finished)
            except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer
                telemetry.logger.exception("request failed")
                response = problems.problem(
                    Request(scope), 500, "an unexpected error occurred; it has been logged"
                )
                await response(scope, receive, send_finished)
            trace.answered(scope["method"], status)
        seconds = time.perf_counter() - started
        telemetry.end(name, scope["method"], status, seconds, observed)
        if Store.VALKEY in self._route.stores:
            telemetry.count(name, scope["method"], status, seconds, observed)


class RouteApp:
    """The app of the route called ``name`` in the route table.

    Making it reads the settings the route needs, so that bad ones fail the function's start.

    Args:
        name: Name of the route.
        compresses: Whether answers are compressed for clients that take gzip; not where an answer
            says the digest of its bytes.

    Attributes:
        asgi: The FastAPI app, for tests and for the merged OpenAPI.
        handler: The Lambda handler.
    """

    def __init__(self, name: str, *, compresses: bool = True) -> None:
        self.route = route(name)
        load_settings(self.route)
        if self.route.is_limited:
            valkey_store.load()
        self.asgi = FastAPI(
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            dependencies=[Depends(refuse_repeated_parameters)],
        )
        problems.install(self.asgi)
        # Answers that are kept are compressed where they are made.
        self._compresses = compresses and not self.route.cached
        self._direct: DirectEndpoint | None = None
        self.handler: Callable[[dict[str, Any], Any], dict[str, Any]] = Mangum(
            self.asgi, lifespan="off", text_mime_types=_TEXT_MEDIA_TYPES
        )
        before_snapshot(self._prime)

    def _prime(self) -> None:
        from quant_http.priming import prime  # noqa: PLC0415 - only before a snapshot

        prime(self.asgi)
        if self._direct is not None:
            self._direct.prime()

    def _add_middlewares(self) -> None:
        self.asgi.add_middleware(Guard, route=self.route, direct=self._direct)
        if self._compresses:
            self.asgi.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES)
        self.asgi.add_middleware(_RequestContext, route=self.route)

    def endpoint(
        self,
        *,
        summary: str,
        model: type[BaseModel] | Callable[[], type[BaseModel]] | None = None,
        status: int = 200,
        media_type: str = "application/json",
        files: Mapping[str, Any] | None = None,
        accepted: type[BaseModel] | None = None,
        errors: Sequence[int] = (),
        headers: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
    ) -> Callable[[Callable[..., Awaitable[Response]]], Callable[..., Awaitable[Response]]]:
        """Register the endpoint of the route.

        The endpoint returns a finished response; ``model`` describes its body in the OpenAPI. It
        is ``async`` though it blocks: an environment serves one request at a time, and a thread
        pool would only add a hand-over.

        Args:
            summary: One line for the documentation.
            model: Body of the response, or what returns it, where a function must not load it;
                without it the body is of ``media_type``.
            status: Status of success; 204 has no body.
            media_type: Media type of the response.
            files: Schemas by media type, for a response that is one of several kinds of file.
            accepted: Body of the 202 of a route that may answer later instead.
            errors: Statuses it answers besides those every route answers.
            headers: Headers of the response besides those every route has.
            tags: Sections of the documentation.
        """
        documented: dict[str, Any] = {"response_model": None}
        if not cold_start.IN_FUNCTION:
            from quant_http.documentation import operation  # noqa: PLC0415 - only needed here

            documented = operation(
                self.route,
                summary=summary,
                model=model if model is None or isinstance(model, type) else model(),
                status=status,
                media_type=media_type,
                files=files,
                accepted=accepted,
                errors=errors,
                headers=headers,
                tags=tags,
            )

        def register(
            function: Callable[..., Awaitable[Response]],
        ) -> Callable[..., Awaitable[Response]]:
            self.asgi.add_api_route(
                self.route.path,
                function,
                methods=[self.route.method],
                name=self.route.name,
                status_code=status,
                **documented,
            )
            if self.route.cached:
                self._direct = DirectEndpoint.of(function, self.route)
            self._add_middlewares()
            cold_start.end()
            return function

        return register
