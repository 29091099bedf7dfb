"""What an app does for its first request, done before SnapStart takes the snapshot of it."""

from fastapi import FastAPI
from fastapi._compat import get_cached_model_fields
from fastapi.routing import APIRoute
from pydantic import BaseModel


def prime(app: FastAPI) -> None:
    """Make an app's chain of middlewares, and build what validates the requests of its routes."""
    app.middleware_stack = app.build_middleware_stack()
    for route in app.routes:
        if isinstance(route, APIRoute):
            of = route.dependant
            for field in (
                *of.path_params,
                *of.query_params,
                *of.header_params,
                *of.cookie_params,
                *of.body_params,
            ):
                # Built when it is first asked; what it says of this does not matter.
                field.validate(None)
                model = field.field_info.annotation
                if isinstance(model, type) and issubclass(model, BaseModel):
                    get_cached_model_fields(model)
