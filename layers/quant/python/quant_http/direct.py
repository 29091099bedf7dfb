"""Endpoints that are asked without FastAPI, where a query string alone says what for.

FastAPI finds out of each request what is so of all of them: that the app has one route, which takes
the parameters of one model. What is not a valid request for it is left to FastAPI, which says why.
"""

from collections.abc import Awaitable, Callable
from typing import Self, get_args

from fastapi import params
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from quant_http import problems
from quant_http.routes import Route


class DirectEndpoint:
    """An endpoint that takes a request and a query.

    Args:
        function: The endpoint.
        model: Model of its query.
        path: Path of its route, without parameters.
    """

    def __init__(
        self,
        function: Callable[..., Awaitable[Response]],
        model: type[BaseModel],
        path: str,
    ) -> None:
        self._function = function
        self._model = model
        self._path = path

    @classmethod
    def of(cls, function: Callable[..., Awaitable[Response]], route: Route) -> Self | None:
        """Return the endpoint, ``None`` if it takes anything else."""
        annotations = {**function.__annotations__}
        annotations.pop("return", None)
        if annotations.keys() != {"request", "query"} or "{" in route.path:
            return None
        model, source = get_args(annotations["query"])
        return cls(function, model, route.path) if isinstance(source, params.Query) else None

    def prime(self) -> None:
        """Build what validates queries."""
        self._model.model_rebuild()

    async def answer(self, request: Request) -> Response | None:
        """Return the answer to a request by the route's method, ``None`` if it is not valid."""
        if request.scope["path"] != self._path:
            return None
        given = request.query_params.multi_items()
        names = dict(given)
        if len(names) < len(given):
            return None
        try:
            query = self._model.model_validate(names)
        except ValidationError:
            return None
        try:
            return await self._function(request, query=query)
        except Exception as error:  # noqa: BLE001 - raised again unless clients are told of it
            return problems.answer(request, error)
