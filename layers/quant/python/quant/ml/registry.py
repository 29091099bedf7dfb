"""The registry of models in Postgres: versions, the champion of each model, and the way back.

Everything that changes a model's champion waits for the others that do, writes ``model_events``,
and belongs to the caller's transaction.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from quant.db.ml_models import Champion, ModelEvent, ModelVersion
from quant.errors import ConflictError, NotFoundError
from quant.vocabulary import ModelEventKind, Verdict

_LOCK: Final = "quant.ml.registry"
_CHAMPIONS: Final = select(
    Champion.model,
    Champion.version,
    ModelVersion.run,
    ModelVersion.sha256,
    Champion.since,
    Champion.disabled,
    Champion.disabled_reason,
).join(
    ModelVersion,
    (ModelVersion.model == Champion.model) & (ModelVersion.version == Champion.version),
)


@dataclass(frozen=True, slots=True)
class ChampionVersion:
    """The version that predicts for a model.

    Attributes:
        model: Name of the model.
        version: Number of the version.
        run: Training run that made it.
        sha256: Of its artifact.
        since: When it became champion.
        disabled: Whether the kill switch is on: then nothing of the model is served.
        disabled_reason: Why.
    """

    model: str
    version: int
    run: str
    sha256: str
    since: datetime
    disabled: bool
    disabled_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What a training run registers.

    Attributes:
        model: Name of the model.
        run: Training run.
        tracking_run: Of the tracking server; None: it was not told.
        sha256: Of the artifact.
        dataset: Features it was trained on.
        trained_through: Last ``as_of`` of a training row.
        verdict: Whether it may become champion by itself.
        reasons: Why not.
        evaluation: Metrics by fold, comparisons, coverage, calibration.
        synthetic: Whether made-up data is among what it was trained on.
    """

    model: str
    run: str
    tracking_run: str | None
    sha256: str
    dataset: str
    trained_through: date
    verdict: Verdict
    reasons: tuple[str, ...]
    evaluation: dict[str, Any]
    synthetic: bool


def lock(connection: Connection, model: str) -> None:
    """Wait until no other transaction changes this model, and keep others waiting until the end."""
    key = func.hashtextextended(f"{_LOCK}.{model}", 0)
    connection.execute(select(func.pg_advisory_xact_lock(key)))


def version_of_run(connection: Connection, model: str, run: str) -> int | None:
    """Return the version that a run registered, None where it did not."""
    return connection.scalar(
        select(ModelVersion.version).where(ModelVersion.model == model, ModelVersion.run == run)
    )


def publish(connection: Connection, new: NewVersion, number: int | None = None) -> int:
    """Register a version, and make it champion where its verdict is accepted; once for each run.

    Args:
        connection: In a transaction.
        new: The version.
        number: Of the tracking server. It is taken if it is later than every version there is;
            otherwise, and without one, the version gets the next number.

    Returns:
        The version's number.

    Raises:
        ConflictError: The run has registered another artifact.
    """
    lock(connection, new.model)
    there = connection.execute(
        select(ModelVersion.version, ModelVersion.sha256).where(
            ModelVersion.model == new.model, ModelVersion.run == new.run
        )
    ).one_or_none()
    if there is not None:
        if there.sha256 != new.sha256:
            msg = f"run {new.run} has registered another artifact of {new.model}"
            raise ConflictError(msg)
        return int(there.version)
    version = _next_number(connection, new.model, number)
    connection.execute(
        insert(ModelVersion).values(
            model=new.model,
            version=version,
            run=new.run,
            tracking_run=new.tracking_run,
            sha256=new.sha256,
            dataset=new.dataset,
            trained_through=new.trained_through,
            verdict=new.verdict,
            reasons=list(new.reasons),
            evaluation=new.evaluation,
            synthetic=new.synthetic,
        )
    )
    before = champion(connection, new.model)
    previous = before.version if before else None
    if new.verdict is Verdict.ACCEPTED:
        _set_champion(connection, new.model, version)
        _write(connection, new.model, ModelEventKind.PROMOTED, version, previous)
    else:
        reason = "; ".join(new.reasons)
        _write(connection, new.model, ModelEventKind.REFUSED, version, previous, reason=reason)
    return version


def champion(connection: Connection, model: str) -> ChampionVersion | None:
    """Return the version that predicts for a model, None where there is none."""
    row = connection.execute(_CHAMPIONS.where(Champion.model == model)).one_or_none()
    return None if row is None else _shape(row)


def champions(connection: Connection) -> dict[str, ChampionVersion]:
    """Return the champions by model."""
    return {row.model: _shape(row) for row in connection.execute(_CHAMPIONS)}


def candidates(connection: Connection, model: str) -> list[tuple[int, str]]:
    """Return version and SHA-256 of the champion, and then of the champions before it.

    A version that was rolled back is not among them.
    """
    return candidates_of(connection, [model])[model]


def candidates_of(
    connection: Connection, models: Collection[str]
) -> dict[str, list[tuple[int, str]]]:
    """Return the ``candidates`` of each of these models."""
    lines = _lines(connection, models)
    rows = connection.execute(
        select(ModelVersion.model, ModelVersion.version, ModelVersion.sha256).where(
            tuple_(ModelVersion.model, ModelVersion.version).in_(
                [(model, version) for model, line in lines.items() for version in line]
            )
        )
    )
    digests = {(row.model, row.version): row.sha256 for row in rows}
    return {
        model: [(version, digests[model, version]) for version in reversed(line)]
        for model, line in lines.items()
    }


def promote(
    connection: Connection, model: str, version: int, actor: uuid.UUID | None, reason: str | None
) -> None:
    """Make a version champion, whatever its verdict.

    Args:
        connection: In a transaction.
        model: Name of the model.
        version: Number of the version.
        actor: Account that decided it; None: an operator at the command line.
        reason: Why.

    Raises:
        NotFoundError: There is no such version.
        ConflictError: It is the champion.
    """
    lock(connection, model)
    _require(connection, model, version)
    before = champion(connection, model)
    if before is not None and before.version == version:
        msg = f"version {version} of {model} is the champion"
        raise ConflictError(msg)
    _set_champion(connection, model, version)
    previous = before.version if before else None
    _write(
        connection, model, ModelEventKind.PROMOTED, version, previous, actor=actor, reason=reason
    )


def rollback(
    connection: Connection, model: str, actor: uuid.UUID | None, reason: str | None
) -> int:
    """Make the champion before the present one champion again, and return its version.

    Raises:
        NotFoundError: The model has no champion.
        ConflictError: There was none before.
    """
    lock(connection, model)
    line = _line(connection, model)
    if not line:
        raise _no_champion(model)
    if len(line) == 1:
        msg = f"{model} had no champion before version {line[0]}"
        raise ConflictError(msg)
    previous, version = line[-1], line[-2]
    _set_champion(connection, model, version)
    _write(
        connection, model, ModelEventKind.ROLLED_BACK, version, previous, actor=actor, reason=reason
    )
    return version


def switch(
    connection: Connection,
    model: str,
    disabled: bool,
    actor: uuid.UUID | None,
    reason: str | None,
) -> None:
    """Turn the kill switch of a model on or off; a new champion leaves it as it is.

    Raises:
        NotFoundError: The model has no champion.
        ConflictError: The switch is there already.
    """
    lock(connection, model)
    there = champion(connection, model)
    if there is None:
        raise _no_champion(model)
    if there.disabled == disabled:
        msg = f"{model} is {'disabled' if disabled else 'enabled'} already"
        raise ConflictError(msg)
    connection.execute(
        update(Champion)
        .where(Champion.model == model)
        .values(disabled=disabled, disabled_reason=reason if disabled else None)
    )
    kind = ModelEventKind.DISABLED if disabled else ModelEventKind.ENABLED
    _write(connection, model, kind, there.version, None, actor=actor, reason=reason)


def _shape(row: Row[*tuple[Any, ...]]) -> ChampionVersion:
    return ChampionVersion(**row._mapping)


def _line(connection: Connection, model: str) -> list[int]:
    """Return the champions that lead to the present one, which is the last."""
    return _lines(connection, [model])[model]


def _lines(connection: Connection, models: Collection[str]) -> dict[str, list[int]]:
    events = connection.execute(
        select(ModelEvent.model, ModelEvent.kind, ModelEvent.version)
        .where(
            ModelEvent.model.in_(models),
            ModelEvent.kind.in_([ModelEventKind.PROMOTED, ModelEventKind.ROLLED_BACK]),
        )
        .order_by(ModelEvent.id)
    )
    lines: dict[str, list[int]] = {model: [] for model in models}
    for model, kind, version in events:
        line = lines[model]
        if version is None:
            continue
        if kind is ModelEventKind.ROLLED_BACK:
            lines[model] = line[: line.index(version) + 1]
        else:
            lines[model] = [each for each in line if each != version] + [version]
    return lines


def _next_number(connection: Connection, model: str, number: int | None) -> int:
    newest = connection.scalar(
        select(func.coalesce(func.max(ModelVersion.version), 0)).where(ModelVersion.model == model)
    )
    return max((newest or 0) + 1, number or 0)


def _require(connection: Connection, model: str, version: int) -> None:
    found = connection.scalar(
        select(ModelVersion.version).where(
            ModelVersion.model == model, ModelVersion.version == version
        )
    )
    if found is None:
        msg = f"there is no version {version} of {model}"
        raise NotFoundError(msg)


def _set_champion(connection: Connection, model: str, version: int) -> None:
    values = {"version": version, "since": func.now()}
    connection.execute(
        insert(Champion)
        .values(model=model, **values)
        .on_conflict_do_update(index_elements=[Champion.model], set_=values)
    )


def _write(
    connection: Connection,
    model: str,
    kind: ModelEventKind,
    version: int,
    previous: int | None,
    *,
    actor: uuid.UUID | None = None,
    reason: str | None = None,
) -> None:
    connection.execute(
        insert(ModelEvent).values(
            model=model,
            kind=kind,
            version=version,
            previous_version=previous,
            actor=actor,
            reason=reason,
        )
    )


def _no_champion(model: str) -> NotFoundError:
    msg = f"{model} has no champion"
    return NotFoundError(msg)
