"""The last comparison before a version becomes champion: with the present champion."""

from typing import Any

from quant.errors import NotFoundError
from quant.ml import layout
from quant.ml.catalogue import KEYS, PROMOTION_LEVEL, ModelSpec
from quant.ml.compare import Comparison, paired, periods
from quant.ml.metrics import LOSSES, loss
from quant.ml.objects import Objects
from quant.ml.pipeline.record import Outcomes, read_outcomes
from quant.ml.pipeline.runs import RECORD
from quant.ml.registry import ChampionVersion


def against_champion(
    objects: Objects, spec: ModelSpec, run: str, champion: ChampionVersion
) -> tuple[dict[str, Any], str | None]:
    """Compare a run with the champion on the rows that both predicted out of sample.

    The outcomes are the run's, which were read later: prices are adjusted anew.

    Returns:
        The comparison's document, and why the champion stays; None where the run beats it.
    """
    document: dict[str, Any] = {"version": champion.version, "loss": LOSSES[spec.task]}
    try:
        theirs = _outcomes(objects, spec, champion.run)
    except NotFoundError:
        reason = f"the record of the champion, version {champion.version}, is missing"
        return {**document, "comparison": None}, reason
    found = compare(spec, _outcomes(objects, spec, run), theirs)
    document["comparison"] = found.document()
    if found.p_value <= PROMOTION_LEVEL:
        return document, None
    # NaN where there are too few common rows, or where both predict the same.
    p_value = f"p = {found.p_value:.3g}" if found.p_value == found.p_value else "no p-value"
    reason = (
        f"does not beat the champion, version {champion.version}: {p_value}"
        f" on {found.n} common rows"
    )
    return document, reason


def compare(spec: ModelSpec, mine: Outcomes, theirs: Outcomes) -> Comparison:
    """Compare the losses of two records on their common rows, clustered by time."""
    own, other = mine.common(theirs)
    clusters, overlap = periods(spec, own.as_of)
    return paired(
        loss(spec.task, own.value, own.outcome),
        loss(spec.task, other.value, own.outcome),
        clusters,
        overlap=overlap,
    )


def _outcomes(objects: Objects, spec: ModelSpec, run: str) -> Outcomes:
    content = objects.get(layout.run_key(run, spec.name, RECORD))
    return read_outcomes(content, KEYS[spec.subject])
