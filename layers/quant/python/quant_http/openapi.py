"""The OpenAPI document of the whole API, merged from the routes' apps.

Run as ``python -m quant_http.openapi FUNCTIONS_DIR OUTPUT`` by the build.
"""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi.openapi.utils import get_openapi

from quant import __version__
from quant.tiers import ANONYMOUS_CLASS_LIMITS, ANONYMOUS_PER_MINUTE, TIERS
from quant_http.json import dump_json
from quant_http.problems import Problem
from quant_http.routes import ROUTES, route

TAGS: Final = (
    {"name": "politicians", "description": "Members of Congress and other filers."},
    {"name": "trades", "description": "Transactions disclosed under the STOCK Act."},
    {"name": "stats", "description": "Counts, volumes, rankings and late filings."},
    {"name": "tickers", "description": "The symbols that are traded."},
    {"name": "analytics", "description": "Performance, backtests, relations and unusual trades."},
    {"name": "patterns", "description": "Cycles, regimes and repetitions of trade counts."},
    {"name": "models", "description": "What models predict, and how good they have been."},
    {"name": "export", "description": "Trades, analyses and the research dataset as files."},
    {"name": "methods", "description": "How each number is made."},
    {"name": "watchlists", "description": "Alerts of trades by webhook and by mail."},
    {"name": "auth", "description": "Accounts, sessions and tokens."},
    {"name": "admin", "description": "Accounts and the audit log, for administrators."},
    {"name": "documentation", "description": "This document and its viewers."},
    {"name": "service", "description": "The service itself."},
)


def _description() -> str:
    rows = "\n".join(
        f"| {tier.name} | {tier.requests_per_minute} | "
        f"{' | '.join(str(limit) for limit in tier.class_limits.values())} | "
        f"{tier.monthly_quota:,} | {tier.watchlists} |"
        for tier in TIERS.values()
    )
    classes = list(next(iter(TIERS.values())).class_limits)
    anonymous = " | ".join(str(ANONYMOUS_CLASS_LIMITS[name]) for name in classes)
    return (
        "Stock trades that members of the US Congress disclose under the STOCK Act, each with its "
        "source filing.\n\nSend an access token as `Authorization: Bearer <token>`. Errors are "
        "problem details (RFC 9457).\n\n"
        "Limits are requests in any 60 s: in all, and of those that an endpoint class has besides; "
        "`GET /api/v1/usage` tells where an account stands. Without a token they count by network "
        "(/24 of IPv4, /48 of IPv6).\n\n"
        f"| tier | in all | {' | '.join(classes)} | requests a month |"
        " watchlists |\n"
        f"|---|---|{'---|' * len(classes)}---|---|\n"
        f"{rows}\n| no token | {ANONYMOUS_PER_MINUTE} | {anonymous} | | |\n"
    )


def _up_from(path: str) -> str:
    return "/".join([".."] * (path.count("/") - 1))


def merged(functions_dir: Path) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of all routes.

    Args:
        functions_dir: The folder ``functions/``; its modules are imported.

    Raises:
        ValueError: Two routes define different schemas of the same name.
    """
    sys.path.insert(0, str(functions_dir))
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Quant Analytics Platform API",
            "version": __version__,
            "description": _description(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Relative to this document's own URL: right below any host, stage or custom domain.
        "servers": [{"url": _up_from(route("docs.openapi").path), "description": "This API"}],
        "tags": list(TAGS),
        "paths": {},
        "components": {
            "schemas": {},
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Access token (RFC 9068).",
                }
            },
        },
    }
    problem_schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    _add_schemas(document, problem_schema.pop("$defs"))
    _add_schemas(document, {Problem.__name__: problem_schema})
    for declared in ROUTES:
        app = importlib.import_module(declared.name).app.asgi
        part = get_openapi(title="", version="", routes=app.routes)
        for path, operations in part["paths"].items():
            document["paths"].setdefault(path, {}).update(operations)
        schemas = part.get("components", {}).get("schemas", {})
        # FastAPI's own error model; ours are problem details.
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        _add_schemas(document, schemas)
    return document


def _add_schemas(document: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    known = document["components"]["schemas"]
    for name, schema in schemas.items():
        if known.setdefault(name, schema) != schema:
            msg = f"two different schemas are called {name}"
            raise ValueError(msg)


def main() -> None:
    """Write the merged document."""
    functions_dir, output = map(Path, sys.argv[1:])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(dump_json(merged(functions_dir)))


if __name__ == "__main__":
    main()
