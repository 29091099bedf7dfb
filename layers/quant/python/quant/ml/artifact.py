"""What a trained model is served from: one canonical JSON document, whose SHA-256 is its name."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Self

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.errors import QuantError
from quant.ml import artifact_document, baselines, counts
from quant.ml.artifact_document import DocumentFormatError
from quant.ml.booster_text import BoosterTextError, read_booster
from quant.ml.calibration import Calibration
from quant.ml.catalogue import KEYS, MODELS, Baseline
from quant.ml.conformal import STANDARD_DEVIATION, IntervalRule
from quant.ml.features.frame import Frame
from quant.ml.layout import canonical
from quant.ml.shap import Explainer
from quant.ml.trees import Trees


class DamagedArtifactError(QuantError):
    """An artifact is not what a training run writes."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions of n rows; all of a row is NaN where the model says nothing of it.

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


@dataclass(frozen=True, kw_only=True, eq=False)
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
        calibration: Of probabilities; None where the task has none or too little was known.
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
    calibration: Calibration | None
    interval: IntervalRule | None
    baselines: dict[str, dict[str, Any]]
    reference: dict[str, dict[str, Any]]
    synthetic: bool

    def dump(self) -> bytes:
        """Return the canonical document: what it says, ``load`` reads, and dumps to the same bytes.

        Raises:
            ValueError: A number is not finite.
        """
        return canonical(
            {
                "format": artifact_document.FORMAT,
                "model": self.model,
                "family": str(self.family),
                "dataset": self.dataset,
                "run": self.run,
                "trained_through": self.trained_through.isoformat(),
                "code_version": self.code_version,
                "seed": self.seed,
                "features": list(self.features),
                "settings": self.settings,
                "booster": self.booster,
                "calibration": self.calibration and self.calibration.document(),
                "interval": self.interval and self.interval.document(),
                "baselines": self.baselines,
                "reference": self.reference,
                "synthetic": self.synthetic,
            }
        )

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Read an artifact, trees and all; it has then predicted a row of which nothing is known.

        Raises:
            DamagedArtifactError: The content is not what ``dump`` writes.
        """
        try:
            artifact = cls(**artifact_document.read(content))
            boosted = artifact._boosted
        except (DocumentFormatError, BoosterTextError) as error:
            raise DamagedArtifactError(str(error)) from error
        if boosted is not None and boosted.trees.features != artifact.features:
            msg = "the booster's features are not the artifact's"
            raise DamagedArtifactError(msg)
        try:
            artifact.predict(artifact._unknown_row())
        # What its parts lack would show in the first request otherwise.
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            msg = f"it cannot predict: {error!r}"
            raise DamagedArtifactError(msg) from error
        return artifact

    def predict(self, frame: Frame, rows: Flags | None = None) -> Predicted:
        """Predict rows of a frame.

        Args:
            frame: Rows of N features at least as many as the artifact's. Forecasts of counts, and
                the rates of subjects as baseline, are made with the earlier rows of the politicians
                too: they have to be there.
            rows: Those to predict, shape (N,); all by default.

        Returns:
            Of the n rows predicted, in their order.

        Raises:
            ValueError: The frame lacks a feature.
        """
        if missing := set(self.features).difference(frame.names):
            msg = f"the rows lack the features {', '.join(sorted(missing))}"
            raise ValueError(msg)
        asked = _Asked.of(frame, np.ones(len(frame), dtype=np.bool_) if rows is None else rows)
        scored = (
            self._forecast(asked) if self._boosted is None else self._boosted.score(self, asked)
        )
        lower = upper = np.full(len(scored.value), np.nan)
        if (rule := self.interval) is not None:
            scale = scored.standard_deviation
            if rule.scale is not None and rule.scale != STANDARD_DEVIATION:
                scale = asked.rows.column(rule.scale)
            lower, upper = rule.apply(scored.value, scale)
        return Predicted(
            value=scored.value,
            lower=lower,
            upper=upper,
            margin=scored.margin,
            base_value=scored.base_value,
            attributions=scored.attributions,
            baselines={
                name: asked.baseline(name, parameters)
                for name, parameters in self.baselines.items()
            },
        )

    def _unknown_row(self) -> Frame:
        spec = MODELS[self.model]
        nothing = np.array(["NaT"], dtype="datetime64[D]")
        x = np.full((1, len(self.features)), np.nan)
        if counts.WEEK_COUNT in self.features:
            x[:, self.features.index(counts.WEEK_COUNT)] = 0
        return Frame(
            subject=spec.subject,
            dataset=self.dataset,
            as_of=np.array([self.trained_through], dtype="datetime64[D]"),
            keys={name: np.array(["unknown"]) for name in KEYS[spec.subject]},
            names=self.features,
            x=x,
            labels={spec.label: np.array([np.nan])},
            known_on={spec.label: nothing},
        )

    def _forecast(self, asked: "_Asked") -> "_Scored":
        """Forecast counts: the history of counts is the one feature, and without it there are 0."""
        wanted = np.zeros(len(asked.history), dtype=np.bool_)
        wanted[asked.places] = True
        mean, variance = counts.moments(self.family, self.settings, asked.history, wanted)
        mean, variance = mean[asked.places], variance[asked.places]
        attributions = np.zeros((len(mean), len(self.features)))
        attributions[np.isnan(mean)] = np.nan
        attributions[:, self.features.index(counts.WEEK_COUNT)] = mean
        return _Scored(mean, mean, 0.0, attributions, np.sqrt(variance))

    @cached_property
    def _boosted(self) -> "_Boosted | None":
        return None if self.booster is None else _Boosted.of(self.booster)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Predictions without intervals; ``standard_deviation`` is the model's own, if it has one."""

    value: Floats
    margin: Floats
    base_value: float
    attributions: Floats
    standard_deviation: Floats | None = None


@dataclass(frozen=True, slots=True)
class _Boosted:
    """A booster, ready to predict."""

    trees: Trees
    explainer: Explainer

    @classmethod
    def of(cls, text: str) -> Self:
        trees = read_booster(text)
        return cls(trees, Explainer(trees))

    def score(self, artifact: Artifact, asked: "_Asked") -> _Scored:
        names = asked.rows.names
        x = asked.rows.x[:, [names.index(name) for name in artifact.features]]
        margin = self.trees.margin(x)
        value = self.trees.linked(margin)
        if artifact.calibration is not None:
            value = artifact.calibration.apply(value)
        attributions = self.explainer.attributions(x)
        return _Scored(value, margin, self.explainer.base_value, attributions)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be predicted.

    Attributes:
        rows: The rows, in their order.
        history: All rows of their politicians.
        places: Where the rows are in the history.
    """

    rows: Frame
    history: Frame
    places: Integers

    @classmethod
    def of(cls, frame: Frame, rows: Flags) -> Self:
        politicians = frame.keys["politician_id"]
        own = np.isin(politicians, politicians[rows])
        return cls(frame.take(rows), frame.take(own), np.flatnonzero(rows[own]))

    def baseline(self, name: str, parameters: dict[str, Any]) -> Floats:
        if name == Baseline.SUBJECT_RATE:
            return baselines.predict(name, parameters, self.history)[self.places]
        return baselines.predict(name, parameters, self.rows)
