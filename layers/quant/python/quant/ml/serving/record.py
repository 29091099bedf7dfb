"""What an answer says of a training run's record out of sample."""

from collections.abc import Mapping
from typing import Any


def out_of_sample(evaluation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the record in short: all of it but what is told by fold; None without one.

    Args:
        evaluation: What the training run found, ``quant.ml.training.evaluate.Evaluation``.
    """
    if evaluation is None:
        return None
    return dict(evaluation)
