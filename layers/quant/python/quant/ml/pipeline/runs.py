"""A training run: what decides it, what it consists of, and where its steps keep what they made.

Step Functions reads the plan item by item, so it is a JSON array and nothing else
(https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html); what all items
share is in a document beside it.
"""

import json
from dataclasses import dataclass
from typing import Any, Final, Self

from quant.errors import NotFoundError
from quant.ml import layout
from quant.ml.objects import Objects
from quant.ml.pipeline.settings import RunSettings

PLAN: Final = "plan.json"
RUN: Final = "run.json"
EVALUATION: Final = "evaluation.json"
RECORD: Final = "record.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One fit: a configuration of a model on one fold."""

    run: str
    model: str
    fold: int
    config: int

    @property
    def key(self) -> str:
        """Key of the fit's result."""
        return layout.run_key(
            self.run, self.model, "fits", f"fold-{self.fold:02}-config-{self.config:02}.json"
        )

    def document(self) -> dict[str, Any]:
        """Return the item as the plan has it."""
        return {"run": self.run, "model": self.model, "fold": self.fold, "config": self.config}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return the item of a document."""
        return cls(**document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A training run.

    Attributes:
        run: Its identifier, the digest of what decides it.
        dataset: Identifier of the features.
        features: SHA-256 of the features' manifest.
        settings: Its settings.
        code_version: Release and digest of the sources.
        synthetic: Whether made-up data is among the features.
        folds: Number of folds by model; a model that is absent has too few rows for one.
        left_out: Why a model is not trained, by model.
    """

    run: str
    dataset: str
    features: str
    settings: RunSettings
    code_version: str
    synthetic: bool
    folds: dict[str, int]
    left_out: dict[str, str]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are trained."""
        return tuple(self.folds)

    def document(self) -> dict[str, Any]:
        """Return the run as JSON has it."""
        return {
            "run": self.run,
            "dataset": self.dataset,
            "features": self.features,
            "settings": self.settings.document(),
            "code_version": self.code_version,
            "synthetic": self.synthetic,
            "folds": self.folds,
            "left_out": self.left_out,
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return the run of a document."""
        return cls(**{**document, "settings": RunSettings.of(document["settings"])})


def load_run(objects: Objects, run: str) -> Run:
    """Return a run that was prepared.

    Raises:
        NotFoundError: It was not.
    """
    return Run.of(json.loads(objects.get(layout.run_key(run, RUN))))


def load_plan(objects: Objects, run: str) -> list[Item]:
    """Return the items of a run's plan.

    Raises:
        NotFoundError: The run was not prepared.
    """
    return [Item.of(each) for each in json.loads(objects.get(layout.run_key(run, PLAN)))]


def load(objects: Objects, key: str) -> Any:
    """Return a JSON object of the store, None where there is none."""
    try:
        return json.loads(objects.get(key))
    except NotFoundError:
        return None
