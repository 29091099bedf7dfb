"""What each Lambda function needs: those of the routes, and those that events invoke."""

from dataclasses import dataclass
from typing import Final

from quant.tiers import EndpointClass
from quant_http.routes import ROUTES, Capability, Route, Secret, Store

AUTHORIZER: Final = "authorizer.jwt"
AUDIT_ANCHOR: Final = "audit.anchor"
AUDIT_DRAIN: Final = "audit.drain"
AUDIT_MAINTENANCE: Final = "audit.maintain"
KEY_ROTATION: Final = "keys.rotate"

# Names in ``Config.concurrency`` besides the endpoint classes.
AUTHORIZER_CLASS: Final = "authorizer"
EVENT_CLASS: Final = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionNeeds:
    """What one function is made of and may use.

    Attributes:
        name: ``<folder>.<module>`` below ``functions/``.
        layers: Names of its layers.
        stores: Data stores it connects to, and whose credentials it may read.
        secrets: Other secrets it may read.
        capabilities: What else it may use.
        concurrency: Name in ``Config.concurrency`` of its share of the database's connections.
        memory_mb: Memory, MiB.
        timeout_s: Timeout, seconds.
        bundles: Build artefacts packed at the root of its code.
        serves_route: Whether API Gateway invokes it for a route of the table.
    """

    name: str
    layers: tuple[str, ...]
    stores: frozenset[Store]
    secrets: frozenset[Secret]
    capabilities: frozenset[Capability] = frozenset()
    concurrency: str
    memory_mb: int
    timeout_s: int
    bundles: tuple[str, ...] = ()
    serves_route: bool = False


def needs_of(route: Route) -> FunctionNeeds:
    """Return what the function of a route needs."""
    # Passwords are hashed, and keys used, with libraries of a layer of their own.
    uses_keys = bool(route.secrets) or route.endpoint_class is EndpointClass.AUTH
    return FunctionNeeds(
        name=route.name,
        layers=("quant", "api", "auth") if uses_keys else ("quant", "api"),
        stores=route.stores,
        secrets=route.secrets,
        capabilities=route.capabilities,
        concurrency=route.endpoint_class,
        memory_mb=route.memory_mb,
        timeout_s=route.timeout_s,
        bundles=route.bundles,
        serves_route=True,
    )


_STORES: Final = frozenset(Store)

_EVENT_FUNCTIONS: Final = (
    # The API layer for the stores' clients alone; an import that is not made costs nothing.
    FunctionNeeds(
        name=AUTHORIZER,
        layers=("quant", "auth", "api"),
        stores=_STORES,
        secrets=frozenset({Secret.JWKS}),
        concurrency=AUTHORIZER_CLASS,
        memory_mb=512,
        timeout_s=5,
    ),
    FunctionNeeds(
        name=AUDIT_DRAIN,
        layers=("quant", "api"),
        stores=frozenset({Store.POSTGRES}),
        secrets=frozenset(),
        concurrency=EVENT_CLASS,
        memory_mb=512,
        timeout_s=10,
    ),
    FunctionNeeds(
        name=AUDIT_ANCHOR,
        layers=("quant", "api"),
        stores=frozenset({Store.POSTGRES}),
        secrets=frozenset(),
        concurrency=EVENT_CLASS,
        memory_mb=512,
        timeout_s=30,
    ),
    # Reads the whole log before it drops any of it, hence as long as Lambda allows.
    FunctionNeeds(
        name=AUDIT_MAINTENANCE,
        layers=("quant", "api"),
        stores=frozenset({Store.POSTGRES}),
        secrets=frozenset(),
        concurrency=EVENT_CLASS,
        memory_mb=1024,
        timeout_s=900,
    ),
    FunctionNeeds(
        name=KEY_ROTATION,
        layers=("quant", "api", "auth"),
        stores=frozenset({Store.POSTGRES}),
        secrets=frozenset({Secret.JWKS, Secret.SIGNING_KEY}),
        capabilities=frozenset({Capability.AUDIT_QUEUE}),
        concurrency=EVENT_CLASS,
        memory_mb=512,
        timeout_s=30,
    ),
)

FUNCTIONS: Final[dict[str, FunctionNeeds]] = {
    needs.name: needs for needs in (*(needs_of(route) for route in ROUTES), *_EVENT_FUNCTIONS)
}
