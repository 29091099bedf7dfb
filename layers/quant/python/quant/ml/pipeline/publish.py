"""The step that registers a version in Postgres and lets it lead where it has earned it."""

import json
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from quant.db.ml_models import ModelVersion
from quant.ml import layout, registry
from quant.ml.catalogue import MODELS
from quant.ml.objects import Objects
from quant.ml.pipeline.gate import against_champion
from quant.ml.pipeline.runs import EVALUATION
from quant.ml.registry import ChampionVersion
from quant.ml.tracking import Registered
from quant.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Published:
    """A version as requests read it.

    Attributes:
        version: Its number.
        verdict: Whether it might become champion by itself.
        reasons: Why not.
        champion: The version that leads now; None where there is none.
    """

    version: int
    verdict: Verdict
    reasons: tuple[str, ...]
    champion: ChampionVersion | None

    @property
    def leads(self) -> bool:
        """Whether it is the champion itself."""
        return self.champion is not None and self.champion.version == self.version


def publish(
    connection: Connection,
    objects: Objects,
    run: str,
    model: str,
    *,
    tracked: Registered | None = None,
) -> Published:
    """Register the version of a model that a run made, once, and promote it if it is better.

    It is better where its evaluation was accepted, and where it beats the champion on the rows
    that both predicted out of sample. No other version can come between the two.

    Args:
        connection: In a transaction.
        objects: Where the run is.
        run: Training run.
        model: Name of the model.
        tracked: The version at the tracking server; None where it was not told. Its number is
            the version's if it is free, see ``quant.ml.registry.publish``.

    Raises:
        NotFoundError: The model was not evaluated.
        ConflictError: The run has registered another artifact.
    """
    document = json.loads(objects.get(layout.run_key(run, model, EVALUATION)))
    registry.lock(connection, model)
    if registry.version_of_run(connection, model, run) is None:
        evaluation = dict(document["evaluation"])
        reasons = list(evaluation["reasons"])
        champion = registry.champion(connection, model)
        evaluation["champion"] = None
        if champion is not None:
            evaluation["champion"], reason = against_champion(objects, MODELS[model], run, champion)
            reasons += [reason] if reason else []
        accepted = evaluation["verdict"] == Verdict.ACCEPTED and not reasons
        registry.publish(
            connection,
            registry.NewVersion(
                model=model,
                run=run,
                tracking_run=tracked.tracking_run if tracked else None,
                sha256=document["sha256"],
                dataset=document["dataset"],
                trained_through=date.fromisoformat(document["trained_through"]),
                verdict=Verdict.ACCEPTED if accepted else Verdict.REFUSED,
                reasons=tuple(reasons),
                evaluation=evaluation,
                synthetic=document["synthetic"],
            ),
            tracked.version if tracked else None,
        )
    return _published(connection, run, model)


def _published(connection: Connection, run: str, model: str) -> Published:
    row = connection.execute(
        select(ModelVersion.version, ModelVersion.verdict, ModelVersion.reasons).where(
            ModelVersion.model == model, ModelVersion.run == run
        )
    ).one()
    champion = registry.champion(connection, model)
    return Published(row.version, row.verdict, tuple(row.reasons), champion)
