"""What decides a training run besides the data: the settings, the code, and the seed."""

import hashlib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Self

from quant import __version__
from quant.ml.catalogue import MODELS, SEED, ModelSpec
from quant.ml.features.frame import Frame
from quant.ml.folds import Fold, walk_forward
from quant.ml.training.configs import EMBARGO_DAYS, FOLDS, MINIMUM_TRAIN_ROWS

# What shapes no artifact: changing it starts no new run.
_APART: Final = frozenset({"pipeline", "serving"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Settings of a training run.

    Attributes:
        models: Names of the models to be trained.
        folds: Number of test windows of the walk-forward validation, after the warm-up.
        embargo_days: Days between the last outcome that a fold trains on and its first test day.
        minimum_train_rows: Fewest rows to train the first fold on; None: those declared for the
            model's task.
        seed: Every pseudo-random draw starts from here.
    """

    models: tuple[str, ...] = tuple(MODELS)
    folds: int = FOLDS
    embargo_days: int = EMBARGO_DAYS
    minimum_train_rows: int | None = None
    seed: int = SEED

    def walk(self, spec: ModelSpec, frame: Frame) -> list[Fold]:
        """Return the folds of a model, none where its rows do not suffice."""
        least = self.minimum_train_rows
        return walk_forward(
            frame,
            spec.label,
            folds=self.folds,
            embargo_days=self.embargo_days,
            minimum_train_rows=MINIMUM_TRAIN_ROWS[spec.task] if least is None else least,
        )

    def document(self) -> dict[str, Any]:
        """Return the settings as JSON has them."""
        return {**asdict(self), "models": list(self.models)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return the settings of a document; what is absent has its default."""
        values = dict(document)
        if "models" in values:
            values["models"] = tuple(values["models"])
        return cls(**values)


@cache
def code_version() -> str:
    """Return the release and the digest of the sources that decide what is trained."""
    digest = hashlib.sha256()
    for package in ("quant.ml", "quant.analytics"):
        root = resources.files(package)
        for name, content in _sources(root):
            digest.update(f"{package}/{name}\0{len(content)}\0".encode())
            digest.update(content)
    return f"{__version__}+{digest.hexdigest()[:12]}"


def _sources(folder: Any, prefix: str = "") -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = f"{prefix}{entry.name}"
        if entry.is_dir() and name not in _APART:
            found += _sources(entry, f"{name}/")
        elif name.endswith(".py"):
            found.append((name, entry.read_bytes()))
    return found
