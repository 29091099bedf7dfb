"""GET /api/v1/methods: how each number is made."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from methods._models import MethodList, MethodsQuery
from quant.errors import NotFoundError
from quant.methods.registry import all_methods
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.responses import CACHE_HEADERS, entity

app = RouteApp("methods.list")


@app.endpoint(
    summary="List methods",
    model=MethodList,
    errors=(404, 422),
    headers=CACHE_HEADERS,
    tags=["methods"],
)
async def list_(request: Request, query: Annotated[MethodsQuery, Query()]) -> Response:
    """Estimator, assumptions, uncertainty, tests and sources of each kind of number.

    Answers name their method by `id` and `version`.
    """
    found = [
        {"area": method.area, **asdict(method)}
        for method in all_methods().values()
        if query.area in {None, method.area}
    ]
    if not found:
        msg = f"there is no area {query.area}"
        raise NotFoundError(msg)
    return entity(request, dump_json({"data": found}))


handler = app.handler
