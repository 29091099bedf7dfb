"""An administrator's decisions on models: each in one transaction with its entry in the audit log.

A request that finds its decision carried out changes nothing, and is not an event: so it may be
repeated when its answer was lost.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from quant import audit
from quant.db.ml_models import ModelVersion
from quant.db.session import write
from quant.errors import ConflictError, NotFoundError
from quant.ml import registry
from quant.ml.registry import ChampionVersion
from quant.ml.serving.states import known_model
from quant.origin import Origin
from quant.vocabulary import AuditEvent, Verdict


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who decides.

    Attributes:
        account_id: The account.
        origin: Where the request came from.
    """

    account_id: uuid.UUID
    origin: Origin


def promote(
    model: str, version: int, reason: str, *, force: bool, by: Administrator
) -> dict[str, Any]:
    """Make a version the champion.

    Args:
        model: Name of the model.
        version: Number of the version.
        reason: Why.
        force: Whether a version that was refused may be.
        by: Who decides.

    Raises:
        NotFoundError: There is no such model or version.
        ConflictError: The version was refused, and ``force`` is not given.
        StoreUnavailableError: Postgres cannot be reached.
    """
    known_model(model)

    def query(connection: Connection) -> dict[str, Any]:
        registry.lock(connection, model)
        verdict = connection.scalar(
            select(ModelVersion.verdict).where(
                ModelVersion.model == model, ModelVersion.version == version
            )
        )
        if verdict is None:
            msg = f"there is no version {version} of {model}"
            raise NotFoundError(msg)
        before = registry.champion(connection, model)
        if before is not None and before.version == version:
            return _document(before, changed=False)
        if verdict is Verdict.REFUSED and not force:
            msg = f"version {version} of {model} was refused; promoting it needs force"
            raise ConflictError(msg)
        registry.promote(connection, model, version, by.account_id, reason)
        return _decided(
            connection,
            AuditEvent.MODEL_PROMOTED,
            model,
            by,
            {
                "version": version,
                "previous_version": before.version if before else None,
                "verdict": verdict,
                "reason": reason,
            },
        )

    return write(query)


def rollback(model: str, version: int, reason: str, *, by: Administrator) -> dict[str, Any]:
    """Make the champion before ``version`` champion again.

    Args:
        model: Name of the model.
        version: The champion that is to go; where it is not the champion nothing changes.
        reason: Why.
        by: Who decides.

    Raises:
        NotFoundError: There is no such model, or it has no champion.
        ConflictError: There was no champion before.
        StoreUnavailableError: Postgres cannot be reached.
    """
    known_model(model)

    def query(connection: Connection) -> dict[str, Any]:
        registry.lock(connection, model)
        before = _champion(connection, model)
        if before.version != version:
            return _document(before, changed=False)
        now = registry.rollback(connection, model, by.account_id, reason)
        return _decided(
            connection,
            AuditEvent.MODEL_ROLLED_BACK,
            model,
            by,
            {"version": now, "previous_version": version, "reason": reason},
        )

    return write(query)


def switch(model: str, reason: str, *, disabled: bool, by: Administrator) -> dict[str, Any]:
    """Turn the kill switch of a model on or off.

    Args:
        model: Name of the model.
        reason: Why.
        disabled: Whether nothing of the model is to be served.
        by: Who decides.

    Raises:
        NotFoundError: There is no such model, or it has no champion.
        StoreUnavailableError: Postgres cannot be reached.
    """
    known_model(model)

    def query(connection: Connection) -> dict[str, Any]:
        registry.lock(connection, model)
        before = _champion(connection, model)
        if before.disabled == disabled:
            return _document(before, changed=False)
        registry.switch(connection, model, disabled, by.account_id, reason)
        return _decided(
            connection,
            AuditEvent.MODEL_SWITCHED,
            model,
            by,
            {"disabled": disabled, "version": before.version, "reason": reason},
        )

    return write(query)


def _decided(
    connection: Connection,
    event: AuditEvent,
    model: str,
    by: Administrator,
    details: dict[str, Any],
) -> dict[str, Any]:
    now = _champion(connection, model)
    audit.record(
        connection,
        event,
        actor=by.account_id,
        target=model,
        origin=by.origin,
        details=details,
    )
    return _document(now, changed=True)


def _champion(connection: Connection, model: str) -> ChampionVersion:
    found = registry.champion(connection, model)
    if found is None:
        msg = f"{model} has no champion"
        raise NotFoundError(msg)
    return found


def _document(champion: ChampionVersion, *, changed: bool) -> dict[str, Any]:
    return {
        "model": champion.model,
        "version": champion.version,
        "since": champion.since,
        "disabled": champion.disabled,
        "disabled_reason": champion.disabled_reason,
        "changed": changed,
    }
