"""The final fit, on all rows whose outcome is known."""

from quant.ml.artifact import Artifact
from quant.ml.catalogue import ModelSpec
from quant.ml.features.frame import Frame
from quant.ml.training.evaluate import Evaluation


def finish(
    spec: ModelSpec,
    frame: Frame,
    evaluation: Evaluation,
    *,
    run: str,
    seed: int,
    code_version: str,
    synthetic: bool,
) -> Artifact:
    """Fit the chosen configuration to all rows with an outcome, and return the artifact."""
    raise NotImplementedError
