"""The route table: every API method, declared once.

Read by the handlers (their FastAPI app), by CDK (resource, method, function) and by the
documentation (the merged OpenAPI). Standard library only, so that CDK can import it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

API_PREFIX: Final = "/api/v1"


class Access(StrEnum):
    """Who may call a route."""

    PUBLIC = "public"
    TOKEN = "token"  # noqa: S105 - the name of an access class, not a secret


class Store(StrEnum):
    """A data store a route's function connects to, hence may reach."""

    POSTGRES = "postgres"
    VALKEY = "valkey"


class Secret(StrEnum):
    """A secret, other than a store's credentials, that a route's function may read."""

    JWKS = "jwks"  # the public keys that verify access tokens


@dataclass(frozen=True, slots=True)
class Route:
    """One API method and the Lambda function behind it.

    Attributes:
        name: ``<folder>.<module>`` below ``functions/``; the module's ``handler`` serves the route.
        method: HTTP method.
        path: Path below the stage, with ``{parameters}`` in API Gateway's form.
        access: Whether the JWT authorizer and a usage plan guard the route.
        stores: Data stores the function connects to, and whose credentials it may read.
        secrets: Other secrets the function may read.
        memory_mb: Lambda memory, MiB; CPU scales with it.
        timeout_s: Lambda timeout, seconds; below API Gateway's 29 s.
        bundles: Folders or files below ``build/`` packed at the root of the function's code.
    """

    name: str
    method: str
    path: str
    access: Access = Access.TOKEN
    stores: frozenset[Store] = frozenset()
    secrets: frozenset[Secret] = frozenset()
    memory_mb: int = 512
    timeout_s: int = 10
    bundles: tuple[str, ...] = ()


_DATA: Final = frozenset({Store.POSTGRES, Store.VALKEY})

ROUTES: Final[tuple[Route, ...]] = (
    Route("root.index", "GET", "/", Access.PUBLIC),
    Route("health.live", "GET", "/health", Access.PUBLIC),
    Route("health.ready", "GET", "/health/ready", Access.PUBLIC, _DATA),
    Route("politicians.list", "GET", f"{API_PREFIX}/politicians", stores=_DATA),
    Route("politicians.detail", "GET", f"{API_PREFIX}/politicians/{{politician_id}}", stores=_DATA),
    Route("trades.list", "GET", f"{API_PREFIX}/trades", stores=_DATA),
    Route("trades.recent", "GET", f"{API_PREFIX}/trades/recent", stores=_DATA),
    Route("trades.detail", "GET", f"{API_PREFIX}/trades/{{trade_id}}", stores=_DATA),
    Route(
        "docs.openapi",
        "GET",
        f"{API_PREFIX}/openapi.json",
        Access.PUBLIC,
        bundles=("openapi.json",),
    ),
    Route("docs.swagger", "GET", f"{API_PREFIX}/docs", Access.PUBLIC),
    Route("docs.redoc", "GET", f"{API_PREFIX}/redoc", Access.PUBLIC),
    Route(
        "docs.asset",
        "GET",
        f"{API_PREFIX}/docs/assets/{{name}}",
        Access.PUBLIC,
        bundles=("docs-assets",),
    ),
    Route(
        "auth.jwks",
        "GET",
        "/.well-known/jwks.json",
        Access.PUBLIC,
        secrets=frozenset({Secret.JWKS}),
    ),
)


def route(name: str) -> Route:
    """Return the route called ``name``.

    Raises:
        KeyError: No such route.
    """
    for candidate in ROUTES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
