"""Readiness: whether the data stores and the schema are as this code needs them."""

import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from quant import valkey_store
from quant.db.schema import SCHEMA_REVISION, current_revision, is_beyond
from quant.db.session import read
from quant.errors import StoreUnavailableError

REQUIRED: Final = frozenset({"postgres", "schema"})


def _postgres() -> str | None:
    read(lambda connection: connection.execute(text("select 1")))
    return None


def _schema() -> str | None:
    revision = read(current_revision)
    if revision == SCHEMA_REVISION or is_beyond(revision, SCHEMA_REVISION):
        return None
    return f"at revision {revision}, needs {SCHEMA_REVISION}"


def _valkey() -> str | None:
    valkey_store.client().ping()
    return None


_CHECKS: Final[dict[str, Callable[[], str | None]]] = {
    "postgres": _postgres,
    "schema": _schema,
    "valkey": _valkey,
}


def _run(check: Callable[[], str | None]) -> str | None:
    from valkey.exceptions import ValkeyError  # noqa: PLC0415 - slow import, see quant.valkey_store

    try:
        return check()
    except (StoreUnavailableError, SQLAlchemyError, ValkeyError, OSError):
        return "unavailable"


def _status(failed: set[str]) -> str:
    if failed & REQUIRED:
        return "unavailable"
    return "degraded" if failed else "ready"


def check_readiness() -> dict[str, Any]:
    """Return the state of every dependency.

    Returns:
        ``status`` is ``ready`` if all are well, ``degraded`` if only those are not that requests
        can do without, else ``unavailable``; ``dependencies`` has each one's name, state and
        latency in milliseconds.
    """
    dependencies = []
    for name, check in _CHECKS.items():
        started = time.perf_counter()
        detail = _run(check)
        dependencies.append(
            {
                "name": name,
                "ok": detail is None,
                "required": name in REQUIRED,
                "latency_ms": round((time.perf_counter() - started) * 1000, 3),
                "detail": detail,
            }
        )
    failed = {str(entry["name"]) for entry in dependencies if not entry["ok"]}
    return {"status": _status(failed), "dependencies": dependencies}
