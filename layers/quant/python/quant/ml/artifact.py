"""What a trained model is served from: one canonical JSON document, whose SHA-256 is its name."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from quant.analytics.arrays import Floats
from quant.errors import QuantError
from quant.ml.features.frame import Frame

if TYPE_CHECKING:
    from quant.ml.calibration import Calibration
    from quant.ml.conformal import IntervalRule


class DamagedArtifactError(QuantError):
    """An artifact is not what a training run writes."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions of n rows.

    Attributes:
        value: The return, probability or expected count, shape (n,).
        lower: Lower end of the interval, shape (n,); NaN where the task has none.
        upper: Upper end, shape (n,).
        margin: What the model adds up, before link and calibration, shape (n,):
            ``base_value + attributions.sum(axis=1)``.
        base_value: The margin to expect of a row of which no feature is known.
        attributions: SHAP values by feature, in the margin, shape (n, k).
        baselines: What each baseline predicts, by its name, shape (n,).
    """

    value: Floats
    lower: Floats
    upper: Floats
    margin: Floats
    base_value: float
    attributions: Floats
    baselines: dict[str, Floats]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A trained model.

    Attributes:
        model: Name in ``quant.ml.catalogue.MODELS``.
        family: What it was fitted with, a ``quant.ml.catalogue.Family``.
        dataset: Identifier of the features it was trained on.
        run: Identifier of the training run.
        trained_through: Last ``as_of`` of a training row.
        code_version: Of the code that trained it.
        seed: Of every pseudo-random draw.
        features: Names of the features, in the order of the columns.
        settings: Of the fit; what a forecast of counts is made with.
        booster: LightGBM's text; None of the other families.
        calibration: From scores to probabilities; None where the task has no probability.
        interval: How the interval is made; None where the task has none.
        baselines: Parameters by name of the baseline.
        reference: Of each feature, and of ``prediction``: edges of bins and the shares of training
            rows in them.
        synthetic: Whether it was trained on made-up data.
    """

    model: str
    family: str
    dataset: str
    run: str
    trained_through: date
    code_version: str
    seed: int
    features: tuple[str, ...]
    settings: dict[str, Any]
    booster: str | None
    calibration: "Calibration | None"
    interval: "IntervalRule | None"
    baselines: dict[str, dict[str, Any]]
    reference: dict[str, dict[str, Any]]
    synthetic: bool

    def dump(self) -> bytes:
        """Return the canonical document; what it says is what ``load`` reads."""
        raise NotImplementedError

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Read an artifact.

        Raises:
            DamagedArtifactError: The content is not what ``dump`` writes.
        """
        raise NotImplementedError

    def predict(self, frame: Frame) -> Predicted:
        """Predict every row of a frame.

        Raises:
            ValueError: The frame lacks a feature.
        """
        raise NotImplementedError
