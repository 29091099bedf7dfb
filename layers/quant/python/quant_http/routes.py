"""The route table: every API method, declared once.

Read by the handlers (their FastAPI app), by CDK (resource, method, function) and by the
documentation (the merged OpenAPI). Standard library only, so that CDK can import it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from quant.tiers import EndpointClass

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
    SIGNING_KEY = "signing-key"  # the private keys that sign them
    WEBHOOK = "webhook"  # what the secrets of all webhooks are derived from
    PRICES = "prices"  # the key of the provider of prices


class Capability(StrEnum):
    """Something besides data stores and secrets that a route's function may use."""

    SEND_EMAIL = "send-email"  # through SES, from the platform's own address
    AUDIT_QUEUE = "audit-queue"  # where audit entries wait while Postgres is away
    DELIVERIES_QUEUE = "deliveries-queue"  # where webhooks wait to be posted
    EXPORTS = "exports"  # the queue of exports that take long, and links to their files
    ARTIFACTS = "artifacts"  # what predictions are made with, in the bucket of machine learning


class Scope(StrEnum):
    """What a token may be used for; a route asks for one."""

    READ = "read"  # the data
    ACCOUNT = "account"  # the caller's own account; never held by an API token
    ADMIN = "admin"  # other accounts and the audit log; never held by an API token


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
        capabilities: What else the function may use.
        scope: Scope the token of a token route must have.
        endpoint_class: Which rate limit applies besides the tier's.
        limited: Whether the rate limits apply where the function reaches Valkey, which counts.
        cached: Whether Valkey keeps its answers, which must not depend on who asks.
        takes_forms: Whether a body may be that of an HTML form, which nothing reads.
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
    capabilities: frozenset[Capability] = frozenset()
    scope: Scope = Scope.READ
    endpoint_class: EndpointClass = EndpointClass.DATA
    limited: bool = True
    cached: bool = False
    takes_forms: bool = False
    memory_mb: int = 512
    timeout_s: int = 10
    bundles: tuple[str, ...] = ()

    @property
    def is_limited(self) -> bool:
        """Whether the limiter runs before the endpoint."""
        return self.limited and Store.VALKEY in self.stores


_DATA: Final = frozenset({Store.POSTGRES, Store.VALKEY})

_AUDITED: Final = frozenset({Capability.AUDIT_QUEUE})


def _auth(
    module: str,
    method: str,
    path: str,
    access: Access = Access.TOKEN,
    *,
    mails: bool = False,
    signs: bool = False,
) -> Route:
    return Route(
        f"auth.{module}",
        method,
        f"{API_PREFIX}/auth{path}",
        access,
        _DATA,
        secrets=frozenset({Secret.SIGNING_KEY} if signs else ()),
        capabilities=_AUDITED | ({Capability.SEND_EMAIL} if mails else set()),
        scope=Scope.ACCOUNT,
        endpoint_class=EndpointClass.AUTH,
        # Hashing a password with argon2id takes 19 MiB and a good share of a core.
        memory_mb=1024,
    )


def _data(name: str, path: str, *, cached: bool = False) -> Route:
    return Route(
        name, "GET", f"{API_PREFIX}{path}", stores=_DATA, capabilities=_AUDITED, cached=cached
    )


def _analytics(name: str, path: str) -> Route:
    """Declare a route that computes with arrays for the request, or reads what a batch has."""
    return Route(
        name,
        "GET",
        f"{API_PREFIX}{path}",
        stores=_DATA,
        capabilities=_AUDITED,
        endpoint_class=EndpointClass.ANALYTICS,
        cached=True,
        # One whole vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
        memory_mb=1769,
        timeout_s=28,
    )


def _inference(name: str, path: str) -> Route:
    """Declare a route that applies models to features for the request."""
    return replace(_analytics(name, path), capabilities=_AUDITED | {Capability.ARTIFACTS})


def _model_administration(module: str, method: str) -> Route:
    return Route(
        f"models.{module}",
        method,
        f"{API_PREFIX}/models/{{name}}/{module}",
        stores=_DATA,
        capabilities=_AUDITED,
        scope=Scope.ADMIN,
    )


def _export(module: str, path: str, method: str = "GET") -> Route:
    return Route(
        f"export.{module}",
        method,
        f"{API_PREFIX}/export{path}",
        stores=_DATA,
        capabilities=_AUDITED | {Capability.EXPORTS},
        endpoint_class=EndpointClass.EXPORT,
        memory_mb=1769,
        timeout_s=28,
    )


def _exported(module: str, path: str) -> Route:
    """Declare a route that shows what was made: a few rows, asked for until a job has ended."""
    return Route(
        f"export.{module}",
        "GET",
        f"{API_PREFIX}/export{path}",
        stores=_DATA,
        capabilities=_AUDITED | {Capability.EXPORTS},
    )


def _watchlists(
    module: str, method: str, path: str = "", *, signs: bool = False, delivers: bool = False
) -> Route:
    return Route(
        f"watchlists.{module}",
        method,
        f"{API_PREFIX}/watchlists{path}",
        stores=_DATA,
        secrets=frozenset({Secret.WEBHOOK} if signs else ()),
        capabilities=_AUDITED | ({Capability.DELIVERIES_QUEUE} if delivers else set()),
        scope=Scope.ACCOUNT,
    )


ROUTES: Final[tuple[Route, ...]] = (
    Route("root.index", "GET", "/", Access.PUBLIC),
    Route("health.live", "GET", "/health", Access.PUBLIC),
    # A monitor must be told of a lost Valkey, not that it asks too often for what then counts.
    Route("health.ready", "GET", "/health/ready", Access.PUBLIC, _DATA, limited=False),
    _data("politicians.list", "/politicians", cached=True),
    _data("politicians.detail", "/politicians/{politician_id}"),
    _data("trades.list", "/trades", cached=True),
    _data("trades.recent", "/trades/recent", cached=True),
    _data("trades.detail", "/trades/{trade_id}"),
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
    _auth("register", "POST", "/register", Access.PUBLIC, mails=True),
    Route("auth.verify_page", "GET", f"{API_PREFIX}/auth/verify-email", Access.PUBLIC),
    _auth("verify_email", "POST", "/verify-email", Access.PUBLIC),
    _auth("forgot_password", "POST", "/forgot-password", Access.PUBLIC, mails=True),
    Route("auth.reset_page", "GET", f"{API_PREFIX}/auth/reset-password", Access.PUBLIC),
    _auth("reset_password", "POST", "/reset-password", Access.PUBLIC),
    _auth("login", "POST", "/login", Access.PUBLIC, signs=True),
    _auth("refresh", "POST", "/refresh", Access.PUBLIC, signs=True),
    _auth("logout", "POST", "/logout"),
    _auth("me", "GET", "/me"),
    _auth("change_password", "POST", "/change-password"),
    _auth("list_sessions", "GET", "/sessions"),
    _auth("revoke_session", "DELETE", "/sessions/{session_id}"),
    _auth("create_api_token", "POST", "/tokens"),
    _auth("list_api_tokens", "GET", "/tokens"),
    _auth("revoke_api_token", "DELETE", "/tokens/{token_id}"),
    _data("usage.show", "/usage"),
    Route("status.show", "GET", f"{API_PREFIX}/status", Access.PUBLIC, _DATA),
    _data("quality.list", "/quality"),
    _data("stats.overview", "/stats/overview", cached=True),
    _data("stats.leaderboard", "/stats/leaderboard", cached=True),
    _data("stats.sectors", "/stats/sectors", cached=True),
    _data("stats.late_filings", "/stats/late-filings", cached=True),
    _data("tickers.list", "/tickers", cached=True),
    _data("tickers.detail", "/tickers/{symbol}"),
    _analytics("analytics.performance", "/analytics/performance"),
    _analytics("analytics.politician_performance", "/analytics/performance/{politician_id}"),
    _analytics("analytics.backtest", "/analytics/backtest"),
    _analytics("analytics.pairwise_correlation", "/analytics/correlation/pairwise"),
    _analytics("analytics.network", "/analytics/network/analysis"),
    _analytics("analytics.ensemble", "/analytics/ensemble/{politician_id}"),
    _analytics("analytics.insights", "/analytics/insights/{politician_id}"),
    _analytics("analytics.anomaly_detection", "/analytics/anomaly-detection/{politician_id}"),
    _analytics("patterns.politicians", "/patterns/politicians"),
    _analytics("patterns.fourier", "/patterns/analyze/{politician_id}/fourier"),
    _analytics("patterns.regime", "/patterns/analyze/{politician_id}/regime"),
    _analytics("patterns.patterns", "/patterns/analyze/{politician_id}/patterns"),
    _analytics("patterns.comprehensive", "/patterns/analyze/{politician_id}/comprehensive"),
    _analytics("patterns.compare", "/patterns/compare"),
    _data("predictions.list", "/predictions", cached=True),
    _inference("predictions.politician", "/predictions/{politician_id}"),
    _data("signals.list", "/signals", cached=True),
    _data("models.list", "/models", cached=True),
    _data("models.detail", "/models/{name}", cached=True),
    _analytics("models.scorecard", "/models/{name}/scorecard"),
    _model_administration("promote", "POST"),
    _model_administration("rollback", "POST"),
    _model_administration("switch", "PUT"),
    _export("trades", "/trades/{politician_id}"),
    _export("analysis", "/analysis/{politician_id}"),
    _export("all_politicians", "/batch/all-politicians", "POST"),
    _export("create_dataset", "/research-dataset", "POST"),
    _exported("list_datasets", "/research-dataset"),
    _exported("list_jobs", "/jobs"),
    _exported("job", "/jobs/{job_id}"),
    Route("methods.list", "GET", f"{API_PREFIX}/methods", Access.PUBLIC),
    _watchlists("list", "GET"),
    _watchlists("create", "POST", signs=True),
    _watchlists("detail", "GET", "/{watchlist_id}"),
    _watchlists("update", "PUT", "/{watchlist_id}"),
    _watchlists("delete", "DELETE", "/{watchlist_id}"),
    _watchlists("rotate_secret", "POST", "/{watchlist_id}/rotate-secret", signs=True),
    _watchlists("send_test", "POST", "/{watchlist_id}/test", delivers=True),
    _watchlists("list_deliveries", "GET", "/{watchlist_id}/deliveries"),
    Route(
        "watchlists.unsubscribe_page",
        "GET",
        f"{API_PREFIX}/watchlists/unsubscribe",
        Access.PUBLIC,
    ),
    Route(
        "watchlists.unsubscribe",
        "POST",
        f"{API_PREFIX}/watchlists/unsubscribe",
        Access.PUBLIC,
        _DATA,
        secrets=frozenset({Secret.WEBHOOK}),
        capabilities=_AUDITED,
        takes_forms=True,
    ),
    Route(
        "admin.change_tier",
        "PUT",
        f"{API_PREFIX}/admin/accounts/{{account_id}}/tier",
        stores=_DATA,
        capabilities=_AUDITED,
        scope=Scope.ADMIN,
    ),
    Route(
        "admin.list_audit",
        "GET",
        f"{API_PREFIX}/admin/audit",
        stores=_DATA,
        capabilities=_AUDITED,
        scope=Scope.ADMIN,
    ),
    Route(
        "metrics.get",
        "GET",
        "/metrics",
        stores=_DATA,
        capabilities=_AUDITED,
        scope=Scope.ADMIN,
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
