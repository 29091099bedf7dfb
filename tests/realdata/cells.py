"""Numbers as Markdown; returns are fractions and shown in per cent."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from quant.analytics.performance.clustered import Inference

NONE: Final = "-"
ESTIMATE_COLUMNS: Final = (
    "n",
    "politicians x days",
    "mean",
    "s.e.",
    "95 %",
    "bootstrap 95 %",
    "p",
)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, texts: int = 1) -> str:
    """A table whose first ``texts`` columns are text, the others numbers."""
    marks = ["---"] * texts + ["---:"] * (len(columns) - texts)
    return "\n".join(
        f"| {' | '.join(str(cell) for cell in cells)} |" for cells in (columns, marks, *rows)
    )


def percent(value: float | None, digits: int = 2) -> str:
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{100 * value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def probability(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return NONE
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return NONE
    return f"[{percent(low, digits)}, {percent(high, digits)}]"


def estimate_cells(row: Mapping[str, Any], measure: str) -> list[str]:
    """The cells of ``ESTIMATE_COLUMNS`` for a leg at a horizon."""
    found, bootstrap = row[measure], row["bootstrap"] if measure == "car" else None
    return [
        f"{found['n']:,}",
        f"{row['clusters']['politician']} x {row['clusters']['day']}",
        percent(found["value"]),
        percent(found["standard_error"]),
        interval(found["low"], found["high"]),
        interval(bootstrap["low"], bootstrap["high"]) if bootstrap else NONE,
        probability(found["p_value"]),
    ]


def short(found: Mapping[str, Any]) -> str:
    """A mean with its interval."""
    if found["low"] is None:
        return percent(found["value"])
    return f"{percent(found['value'])} {interval(found['low'], found['high'])}"


def inference_cells(found: Inference, digits: int = 2) -> list[str]:
    return [
        percent(found.value, digits),
        percent(found.standard_error, digits),
        interval(found.low, found.high, digits),
        probability(found.p_value),
    ]
