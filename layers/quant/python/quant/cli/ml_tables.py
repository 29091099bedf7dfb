"""What ``quant ml`` prints of models."""

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from quant.ml.pipeline.local import Trained
    from quant.ml.registry import ChampionVersion


def show(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(*names)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def show_trained(trained: "Sequence[Trained]") -> None:
    """Print what came of each model: verdict, skill, coverage and calibration out of sample."""
    names = ("model", "version", "verdict", "skill out of sample", "coverage", "calibration error")
    rows = []
    for each in trained:
        metrics = each.evaluation["evaluation"]["metrics"]
        leads = ", champion" if each.published.leads else ""
        rows.append(
            (
                each.model,
                str(each.published.version),
                f"{each.published.verdict}{leads}",
                "\n".join(_comparison(*item) for item in metrics["comparisons"].items()),
                _coverage(metrics.get("coverage")),
                _calibration(metrics.get("calibration")),
            )
        )
    show(names, rows)
    console = Console(highlight=False)
    for each in trained:
        for reason in each.published.reasons:
            console.print(f"{each.model}: {reason}")


def show_champions(models: Sequence[str], leaders: "dict[str, ChampionVersion]") -> None:
    """Print each model's champion."""
    rows = [(name, *_champion(leaders.get(name))) for name in models]
    show(("model", "champion", "run", "since", "state"), rows)


def _comparison(name: str, found: dict[str, Any]) -> str:
    skill = found["skill"]
    return f"{name} {_number(skill['difference'])} {_interval(skill)} p {_number(found['p_value'])}"


def _coverage(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{_number(found['value'])} {_interval(found)} of {found['level']}"


def _calibration(found: dict[str, Any] | None) -> str:
    return "" if found is None else f"{_number(found['value'])} {_interval(found)}"


def _interval(found: dict[str, Any]) -> str:
    return f"({_number(found['lower'])} to {_number(found['upper'])})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _champion(leader: "ChampionVersion | None") -> tuple[str, str, str, str]:
    if leader is None:
        return ("none", "", "", "predicts nothing")
    state = f"off: {leader.disabled_reason}" if leader.disabled else "on"
    since = f"{leader.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return (str(leader.version), leader.run, since, state)
