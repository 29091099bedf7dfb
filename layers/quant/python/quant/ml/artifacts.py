"""Loads the artifact that predicts for a model: the champion's, or else one of those before it."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from quant.collectors.bucket import DamagedObjectError
from quant.errors import NotFoundError, QuantError
from quant.ml.artifact import Artifact, DamagedArtifactError
from quant.ml.features.feature import FEATURE_VERSION
from quant.ml.layout import artifact_key, feature_version
from quant.ml.objects import Objects, get_checked

# The field ``event`` of the log line of an artifact that cannot be used; an alarm counts them.
ARTIFACT_UNUSABLE: Final = "artifact_unusable"

_logger = logging.getLogger("quant")

# Artifacts by SHA-256: they never change, and hold arrays alone, so that a snapshot of the process
# restores as well as it started. More than there are models, so that a promotion evicts none.
_KEPT: Final = 16
_cache: OrderedDict[str, Artifact] = OrderedDict()


class NoArtifactError(QuantError):
    """Of all versions that may predict for a model, none has an artifact that can be read."""


@dataclass(frozen=True, slots=True)
class LoadedArtifact:
    """An artifact to predict with.

    Attributes:
        version: Of the model.
        artifact: Its artifact.
        skipped: Versions before it in the order of candidates, each with what is wrong with its
            artifact. Empty where the champion itself predicts.
    """

    version: int
    artifact: Artifact
    skipped: tuple[tuple[int, str], ...]


def load_champion(
    objects: Objects, model: str, candidates: Sequence[tuple[int, str]]
) -> LoadedArtifact:
    """Return the first artifact of the candidates that is there and whole.

    Args:
        objects: Where artifacts are kept.
        model: Name of the model.
        candidates: Version and SHA-256 of the champion, and then of the champions before it, the
            latest first, as ``quant.ml.registry.candidates`` gives them.

    Raises:
        NoArtifactError: There is none.
        StoreUnavailableError: The store cannot be reached; that says nothing of the artifacts.
    """
    skipped: list[tuple[int, str]] = []
    for version, digest in candidates:
        try:
            artifact = _load(objects, model, digest)
        except (NotFoundError, DamagedObjectError, DamagedArtifactError) as error:
            reason = _reason(error)
            skipped.append((version, reason))
            _logger.error(
                "the artifact of %s, version %d, cannot be used: %s",
                model,
                version,
                reason,
                extra={
                    "event": ARTIFACT_UNUSABLE,
                    "model": model,
                    "version": version,
                    "sha256": digest,
                },
            )
            continue
        return LoadedArtifact(version, artifact, tuple(skipped))
    msg = f"no version of {model} has an artifact that can be used"
    raise NoArtifactError(msg)


def forget() -> None:
    """Empty the process's cache: for tests, and for measuring a first load."""
    _cache.clear()


def _load(objects: Objects, model: str, digest: str) -> Artifact:
    if digest in _cache:
        _cache.move_to_end(digest)
        return _cache[digest]
    artifact = Artifact.load(get_checked(objects, artifact_key(model, digest), digest))
    if artifact.model != model:
        msg = f"it is an artifact of {artifact.model}"
        raise DamagedArtifactError(msg)
    # Features of the same names, made by other formulas, would give predictions of no meaning.
    if feature_version(artifact.dataset) != FEATURE_VERSION:
        msg = f"it was trained on {artifact.dataset}, and features are now of version"
        raise DamagedArtifactError(f"{msg} {FEATURE_VERSION}")
    _cache[digest] = artifact
    while len(_cache) > _KEPT:
        _cache.popitem(last=False)
    return artifact


def _reason(error: QuantError) -> str:
    return "it is missing" if isinstance(error, NotFoundError) else str(error)
