"""What an answer says of a training run's record out of sample."""

from collections.abc import Mapping
from typing import Any, Final

# What the card alone shows: each fold, the configurations that were tried, and bins.
_AT_LENGTH: Final = frozenset({"folds", "candidates", "comparisons"})


def out_of_sample(evaluation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the record in short; None without one.

    Args:
        evaluation: What the training run found, a document of
            ``quant.ml.training.evaluate.Evaluation``.

    Returns:
        Its metrics over all folds, and of each comparison skill and p-value.
    """
    if evaluation is None:
        return None
    metrics = evaluation["metrics"]
    short = {name: value for name, value in metrics.items() if name not in _AT_LENGTH}
    if "calibration" in short:
        short["calibration"] = _without(short["calibration"], "bins")
    short["comparisons"] = {
        name: {
            "skill": each.get("skill"),
            "p_value": each.get("p_value"),
            "n": each.get("n"),
            "clusters": each.get("clusters"),
        }
        for name, each in metrics.get("comparisons", {}).items()
    }
    return short


def _without(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}
