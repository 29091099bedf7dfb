"""One configuration on one fold."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from quant.ml.catalogue import ModelSpec
from quant.ml.features.frame import Frame
from quant.ml.folds import Fold


@dataclass(frozen=True, slots=True)
class FoldResult:
    """Predictions of the test rows of a fold.

    Attributes:
        model: Name.
        fold: Number, 0 being the warm-up.
        config: The configuration.
        first_test_day: ISO date.
        last_test_day: ISO date.
        trained_rows: Rows fitted.
        trained_through: Last ``as_of`` of them, ISO date.
        trees: Trees of the booster; None of another family.
        rows: Places of the test rows in the frame.
        value: What the model predicts of each, before calibration; None where it says nothing.
        scale: The model's own standard deviation; empty where it has none.
        baselines: What each baseline predicts, by name.
        mean_loss: Of ``value``, and of each baseline, over rows with a value.
    """

    model: str
    fold: int
    config: dict[str, Any]
    first_test_day: str
    last_test_day: str
    trained_rows: int
    trained_through: str
    trees: int | None
    rows: list[int]
    value: list[float | None]
    scale: list[float | None]
    baselines: dict[str, list[float]]
    mean_loss: dict[str, float | None]

    def document(self) -> dict[str, Any]:
        """Return what ``of`` reads."""
        return asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Read a document."""
        return cls(**document)


def fit_fold(
    spec: ModelSpec, frame: Frame, fold: Fold, config: dict[str, Any], *, seed: int
) -> FoldResult:
    """Fit a configuration to the training rows of a fold, and predict its test rows.

    The number of trees and the penalties of the baselines are chosen within the training rows, by
    their last fifth, purged.
    """
    raise NotImplementedError
