"""Two trainings on the real disclosures, as the page docs/ml/real-data.md tells of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from realdata_training import train
from sqlalchemy import Engine, text

from quant.ml.catalogue import MODELS
from quant.ml.objects import Folder
from quant.ml.pipeline.settings import RunSettings

PAGE = Path("ml", "real-data.md")
SEEDS = (1, 2)

_VERSIONS = text(
    "select model, version, run, sha256, dataset, verdict, reasons, evaluation -> 'metrics' as"
    " metrics from model_versions order by model, version"
)
_HEAD = """# Models of real disclosures

Written by `make report`: two trainings, with the seeds {seeds}, on the real disclosures of the
House and the Senate, with daily prices of twenty stocks and the index to the end of 2022. Every
number is of predictions out of sample. Nothing is traded, and nothing here is investment advice.

A disclosure counts for abnormal returns if its day is known, which for these sources begins in
2020, and its stock is one of the twenty: hence the few rows. Pairs and counts need no prices.

Skill is one less the ratio of mean losses, in percent: above zero the model is better than the
baseline. Its interval (95 %) and the one-sided p-value of the difference come from sums by period
(week of the disclosure, or month) with equally weighted cosines and Student's t
([methods](../methods/predictions.md)); where there are too few periods there is none, and the
version is refused. A version is accepted only if every p-value is at most 0.05.

"""


@dataclass(frozen=True, slots=True)
class Trained:
    """What the two trainings registered.

    Attributes:
        versions: Rows of ``model_versions`` in order.
    """

    versions: Sequence[Any]


def gather_models(engine: Engine) -> Trained:
    """Train twice on a database of real disclosures."""
    with TemporaryDirectory(prefix="quant-models-") as folder:
        for seed in SEEDS:
            train(engine, Folder(Path(folder)), RunSettings(seed=seed))
    with engine.connect() as connection:
        return Trained(connection.execute(_VERSIONS).all())


def models_page(found: Trained) -> str:
    """Return the page."""
    parts = [_HEAD.format(seeds=" and ".join(map(str, SEEDS))), _verdicts(found)]
    for name, spec in MODELS.items():
        own = [row for row in found.versions if row.model == name]
        parts.append(f"\n## {spec.title}\n\n`{name}`: {spec.description}\n\n")
        measured = [_measured(row) for row in own] or ["Too few rows for all folds: not trained.\n"]
        parts.append("\n".join(measured))
    return "".join(parts)


def _verdicts(found: Trained) -> str:
    accepted = [f"`{row.model}` {row.version}" for row in found.versions if not row.reasons]
    if not accepted:
        return "Every version was refused: none beats all of its baselines beyond doubt.\n"
    return f"Accepted, hence champions in their turn: {', '.join(accepted)}. All others: refused.\n"


def _measured(row: Any) -> str:
    metrics = row.metrics
    lines = [
        f"Version {row.version}, {row.verdict}: {metrics['rows']:,} rows from "
        f"{metrics['first_day']} to {metrics['last_day']}, artifact `{row.sha256[:12]}`, features "
        f"`{row.dataset}`.",
        "",
        "| against | skill | 95 % interval | p | periods |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, compared in metrics["comparisons"].items():
        skill = compared["skill"]
        lines.append(
            f"| {name} | {_percent(skill['difference'])} | {_interval(skill)} "
            f"| {_p_value(compared['p_value'])} | {skill['clusters']} |"
        )
    lines.append("")
    if metrics.get("coverage"):
        coverage = metrics["coverage"]
        lines.append(
            f"Of the outcomes {_percent(coverage['value'])} lie within their interval of 90 % "
            f"({_interval(coverage)}; n = {coverage['n']:,}).\n"
        )
    if metrics.get("calibration"):
        error = metrics["calibration"]
        lines.append(
            f"Calibration error {_percent(error['value'])} ({_interval(error)}): the mean distance "
            "of predicted and observed shares over ten bins.\n"
        )
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _interval(found: dict[str, Any]) -> str:
    if found["lower"] is None:
        return "none"
    return f"{_percent(found['lower'])} to {_percent(found['upper'])}"


def _p_value(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
