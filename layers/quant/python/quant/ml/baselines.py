"""The predictions that a model has to beat."""

from typing import Any

from quant.analytics.arrays import Flags, Floats
from quant.ml.catalogue import Baseline, ModelSpec
from quant.ml.features.frame import Frame


def fit(
    name: Baseline, spec: ModelSpec, frame: Frame, rows: Flags, categorical: frozenset[str]
) -> dict[str, Any]:
    """Return the parameters of a baseline, JSON.

    Args:
        name: Which.
        spec: Model that it is the baseline of.
        frame: Rows.
        rows: Those to fit, all with an outcome, shape (n,).
        categorical: Features whose numbers are codes.
    """
    raise NotImplementedError


def predict(name: Baseline | str, parameters: dict[str, Any], frame: Frame) -> Floats:
    """Return what a baseline predicts, shape (n,).

    The subject's rate counts outcomes of the frame's rows that became known after the parameters
    were fitted, up to each row's ``as_of``.
    """
    raise NotImplementedError
