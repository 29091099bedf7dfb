"""What each Lambda function needs: those of the routes, and those that events invoke."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from quant.ml.layout import ARTIFACTS, FEATURES
from quant.pipeline.queues import Queue
from quant.tiers import EndpointClass
from quant_http.routes import ROUTES, Capability, Route, Scope, Secret, Store

AUTHORIZER: Final = "authorizer.jwt"
AUDIT_ANCHOR: Final = "audit.anchor"
AUDIT_DRAIN: Final = "audit.drain"
AUDIT_MAINTENANCE: Final = "audit.maintain"
KEY_ROTATION: Final = "keys.rotate"

# Names in ``Config.concurrency`` besides the endpoint classes.
ACCOUNT_CLASS: Final = "account"  # routes of accounts, of what is theirs, and of administrators
AUTHORIZER_CLASS: Final = "authorizer"
EVENT_CLASS: Final = "event"
PARSE_CLASS: Final = "parse"
SINGLE_CLASS: Final = "single"  # one at a time

_TOKEN_SECRETS: Final = frozenset({Secret.JWKS, Secret.SIGNING_KEY})
# Below these keys of the bucket of exports: files of one caller's job, and published data sets.
EXPORTED: Final = ("exports/*", "datasets/*")
# Below these keys of the bucket of machine learning: artifacts, and what they are applied to.
INFERRED_WITH: Final = (f"{ARTIFACTS}/*", f"{FEATURES}/*")

# Layers that together exceed what the code and layers of a function may have (docs/adr/0028).
_TOO_LARGE: Final = (frozenset({"analytics", "export"}), frozenset({"training"}))

# The ephemeral storage of every function, MiB.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html
DEFAULT_STORAGE_MB: Final = 512


class Area(StrEnum):
    """What routes are about; the functions of each area are a stack (docs/adr/0019)."""

    ACCOUNTS = "accounts"
    ANALYTICS = "analytics"
    DISCLOSURES = "disclosures"


# By folder below ``functions/``. A function's name is fixed, so that it cannot be in two stacks at
# a time: a folder stays in its area.
_AREAS: Final[Mapping[str, Area]] = {
    "root": Area.DISCLOSURES,
    "health": Area.DISCLOSURES,
    "docs": Area.DISCLOSURES,
    "politicians": Area.DISCLOSURES,
    "trades": Area.DISCLOSURES,
    "status": Area.DISCLOSURES,
    "quality": Area.DISCLOSURES,
    "methods": Area.ANALYTICS,
    "stats": Area.ANALYTICS,
    "tickers": Area.ANALYTICS,
    "analytics": Area.ANALYTICS,
    "patterns": Area.ANALYTICS,
    "export": Area.ANALYTICS,
    "predictions": Area.ANALYTICS,
    "signals": Area.ANALYTICS,
    "models": Area.ANALYTICS,
    "auth": Area.ACCOUNTS,
    "usage": Area.ACCOUNTS,
    "watchlists": Area.ACCOUNTS,
    "admin": Area.ACCOUNTS,
    "metrics": Area.ACCOUNTS,
}


@dataclass(frozen=True, slots=True)
class ObjectAccess:
    """What a function may do in a bucket.

    Attributes:
        reads: Patterns of keys it may read.
        writes: Patterns of keys it may write.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.reads or self.writes)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSource:
    """A queue that feeds a function, which answers what of a batch has failed.

    Attributes:
        queue: Which queue.
        batch_size: Most messages at a time.
        receives: How often a message is tried before it is set aside.
        defers: Whether the function puts messages off itself, and is told the queue for that.
    """

    queue: Queue
    batch_size: int
    receives: int
    defers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a function runs by itself.

    Attributes:
        expression: ``rate(...)`` or ``cron(...)``, as EventBridge writes them.
        timezone: In which a cron expression's hours are.
        housekeeping: Whether it keeps the pipeline itself going rather than asking somebody: then
            it runs by a rule, which LocalStack obeys, and not by EventBridge Scheduler.
    """

    expression: str
    timezone: str = "Etc/UTC"
    housekeeping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionNeeds:
    """What one function is made of and may use.

    Attributes:
        name: ``<folder>.<module>`` below ``functions/``.
        layers: Names of its layers.
        stores: Data stores it connects to, and whose credentials it may read. They are in a network
            without a way out, and so is then the function.
        secrets: Other secrets it may read.
        capabilities: What else it may use.
        sends_to: Queues of the pipeline it may send to.
        publishes: Whether it may put events on the pipeline's bus.
        objects: What it may do in the bucket of raw documents.
        exports: What it may do in the bucket of exports.
        models: What it may do in the bucket of machine learning.
        anchors: Whether it keeps the audit log's anchors in their bucket.
        answers_deployment: Whether CloudFormation waits for its answer, which goes to S3.
        owns_schema: Whether it may also connect to Postgres as the schema's owner.
        egress: Whether it calls hosts on the internet.
        tracks: Whether it may call the tracking server, and is told where that is.
        collects: Whether it is told of the sources and of how to introduce itself to them.
        source: The queue that feeds it.
        schedule: When it runs by itself, if it does.
        concurrency: Name in ``Config.concurrency`` of how many may run at a time, which bounds the
            database's connections; ``None`` for the account's pool.
        memory_mb: Memory, MiB.
        timeout_s: Timeout, seconds.
        storage_mb: Ephemeral storage, MiB.
        bundles: Build artefacts packed at the root of its code.
        predicts: Whether it loads the artifacts of champions, besides routes that do.
        serves_route: Whether API Gateway invokes it for a route of the table.
    """

    name: str
    layers: tuple[str, ...]
    stores: frozenset[Store] = frozenset()
    secrets: frozenset[Secret] = frozenset()
    capabilities: frozenset[Capability] = frozenset()
    sends_to: frozenset[Queue] = frozenset()
    publishes: bool = False
    objects: ObjectAccess = field(default_factory=ObjectAccess)
    exports: ObjectAccess = field(default_factory=ObjectAccess)
    models: ObjectAccess = field(default_factory=ObjectAccess)
    anchors: bool = False
    answers_deployment: bool = False
    owns_schema: bool = False
    egress: bool = False
    tracks: bool = False
    collects: bool = False
    source: QueueSource | None = None
    schedule: Schedule | None = None
    concurrency: str | None = None
    memory_mb: int
    timeout_s: int
    storage_mb: int = DEFAULT_STORAGE_MB
    bundles: tuple[str, ...] = ()
    predicts: bool = False
    serves_route: bool = False

    def __post_init__(self) -> None:
        if self.stores and self.egress:
            msg = f"{self.name}: what reaches a store has no way to the internet"
            raise ValueError(msg)
        if self.stores and self.concurrency is None:
            msg = f"{self.name}: what reaches a store has a share of its connections"
            raise ValueError(msg)

    @property
    def image(self) -> bool:
        """Whether it is a container image on AWS, with the content of its layers."""
        return any(layers <= {*self.layers} for layers in _TOO_LARGE)

    @property
    def answers_requests(self) -> bool:
        """Whether a client waits for it, as opposed to an event that is kept and tried again."""
        return self.serves_route or self.name == AUTHORIZER

    @property
    def loads_artifacts(self) -> bool:
        """Whether it predicts, hence may find that an artifact cannot be used."""
        return self.predicts or Capability.ARTIFACTS in self.capabilities

    @property
    def construct_id(self) -> str:
        """Identifier of its constructs."""
        return "".join(part.capitalize() for part in self.name.split("."))


_QUEUES: Final[Mapping[Capability, Queue]] = {
    Capability.DELIVERIES_QUEUE: Queue.DELIVERIES,
    Capability.EXPORTS: Queue.EXPORTS,
}
# The exports that are small enough to be made for the request; the others wait in the queue.
_INLINE_EXPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "export.trades": ("export",),
    "export.analysis": ("analytics", "export"),
}


def needs_of(route: Route) -> FunctionNeeds:
    """Return what the function of a route needs."""
    sends_to = {queue for what, queue in _QUEUES.items() if what in route.capabilities}
    exports = Capability.EXPORTS in route.capabilities
    infers = Capability.ARTIFACTS in route.capabilities
    return FunctionNeeds(
        name=route.name,
        layers=("quant", "api", *_further_layers(route)),
        stores=route.stores,
        secrets=route.secrets,
        capabilities=route.capabilities,
        sends_to=frozenset(sends_to),
        # A link to a file lets its bearer do what its signer may.
        exports=ObjectAccess(reads=EXPORTED if exports else ()),
        models=ObjectAccess(reads=INFERRED_WITH if infers else ()),
        concurrency=_concurrency(route) if route.stores else None,
        memory_mb=route.memory_mb,
        timeout_s=route.timeout_s,
        bundles=route.bundles,
        serves_route=True,
    )


def area_of(route: Route) -> Area | None:
    """Return the area of a route; ``None`` for one whose function must know the API's own URL.

    Raises:
        KeyError: The route's folder is in no area.
    """
    if Capability.SEND_EMAIL in route.capabilities:
        return None
    return _AREAS[route.name.split(".")[0]]


def _further_layers(route: Route) -> tuple[str, ...]:
    # Passwords are hashed, and keys used, with libraries of a layer of their own.
    if route.secrets & _TOKEN_SECRETS or route.endpoint_class is EndpointClass.AUTH:
        return ("auth",)
    if Capability.ARTIFACTS in route.capabilities:
        return ("analytics",)
    if route.endpoint_class is EndpointClass.ANALYTICS:
        return ("analytics",)
    return _INLINE_EXPORTS.get(route.name, ())


def _concurrency(route: Route) -> str:
    owned = route.scope is not Scope.READ or Capability.EXPORTS in route.capabilities
    if route.endpoint_class is EndpointClass.DATA and owned:
        return ACCOUNT_CLASS
    return route.endpoint_class


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
        timeout_s=10,
    ),
    FunctionNeeds(
        name=AUDIT_DRAIN,
        layers=("quant", "api"),
        stores=frozenset({Store.POSTGRES}),
        concurrency=EVENT_CLASS,
        memory_mb=512,
        timeout_s=10,
    ),
    FunctionNeeds(
        name=AUDIT_ANCHOR,
        layers=("quant", "api"),
        stores=frozenset({Store.POSTGRES}),
        anchors=True,
        concurrency=EVENT_CLASS,
        memory_mb=512,
        timeout_s=30,
    ),
    # Reads the whole log before it drops any of it, hence as long as Lambda allows.
    FunctionNeeds(
        name=AUDIT_MAINTENANCE,
        layers=("quant", "api"),
        stores=frozenset({Store.POSTGRES}),
        owns_schema=True,
        concurrency=EVENT_CLASS,
        memory_mb=1024,
        timeout_s=900,
    ),
    FunctionNeeds(
        name=KEY_ROTATION,
        layers=("quant", "api", "auth"),
        stores=frozenset({Store.POSTGRES}),
        secrets=_TOKEN_SECRETS,
        capabilities=frozenset({Capability.AUDIT_QUEUE}),
        concurrency=EVENT_CLASS,
        memory_mb=512,
        timeout_s=30,
    ),
)

# What routes need, by area.
AREA_FUNCTIONS: Final[dict[Area, dict[str, FunctionNeeds]]] = {
    area: {route.name: needs_of(route) for route in ROUTES if area_of(route) is area}
    for area in Area
}
# Of the API's own stack; those of the pipeline's are in ``infra.pipeline_functions``, those that
# compute ahead in ``infra.batch_functions``.
API_FUNCTIONS: Final[dict[str, FunctionNeeds]] = {
    needs.name: needs
    for needs in (
        *(needs_of(route) for route in ROUTES if area_of(route) is None),
        *_EVENT_FUNCTIONS,
    )
}
