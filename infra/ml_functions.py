"""What the functions of machine learning need: the steps of training, prediction and monitoring.

Training computes on files alone: what fits and evaluates reaches neither the database nor hosts on
the internet, and what tells the tracking server has no database (docs/adr/0021).
"""

from typing import Final

from infra.functions import EVENT_CLASS, SINGLE_CLASS, FunctionNeeds, ObjectAccess
from quant.ml.layout import ARTIFACTS, FEATURES, RUNS, SNAPSHOTS
from quant_http.routes import Store

PREPARE: Final = "ml.prepare"
FIT: Final = "ml.fit"
EVALUATE: Final = "ml.evaluate"
REGISTER: Final = "ml.register"
PUBLISH: Final = "ml.publish"
ALIAS: Final = "ml.alias"
PREDICT: Final = "ml.predict"
MONITOR: Final = "ml.monitor"

# As long as Lambda allows, and the most memory, hence processors, that a new account is given.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_TIMEOUT_S: Final = 900
_MEMORY_MB: Final = 3008
# DuckDB moves what does not fit into memory to files.
_STORAGE_MB: Final = 4096

_SNAPSHOTS: Final = f"{SNAPSHOTS}/*"
_FEATURES: Final = f"{FEATURES}/*"
_RUNS: Final = f"{RUNS}/*"
_ARTIFACTS: Final = f"{ARTIFACTS}/*"
_DATASETS: Final = (_SNAPSHOTS, _FEATURES)
_NONE: Final = ObjectAccess()


def _with_database(
    name: str, concurrency: str, models: ObjectAccess, *, predicts: bool = False
) -> FunctionNeeds:
    """Describe a step that reads or writes Postgres."""
    return FunctionNeeds(
        name=name,
        layers=("quant", "api", "analytics", "export"),
        stores=frozenset({Store.POSTGRES}),
        models=models,
        concurrency=concurrency,
        memory_mb=_MEMORY_MB,
        timeout_s=_TIMEOUT_S,
        storage_mb=_STORAGE_MB,
        predicts=predicts,
    )


def _with_training(
    name: str, models: ObjectAccess = _NONE, *, tracks: bool = False
) -> FunctionNeeds:
    """Describe a step that imports LightGBM or MLflow's client."""
    return FunctionNeeds(
        name=name,
        # NumPy is there with SciPy, hence not the layer of analytics.
        layers=("quant", "api", "export", "training"),
        models=models,
        tracks=tracks,
        egress=tracks,
        memory_mb=_MEMORY_MB,
        timeout_s=_TIMEOUT_S,
    )


ML_FUNCTIONS: Final[dict[str, FunctionNeeds]] = {
    needs.name: needs
    for needs in (
        _with_database(
            PREPARE,
            SINGLE_CLASS,
            ObjectAccess(reads=(*_DATASETS, _RUNS), writes=(*_DATASETS, _RUNS)),
        ),
        _with_training(FIT, ObjectAccess(reads=(_FEATURES, _RUNS), writes=(_RUNS,))),
        _with_training(
            EVALUATE,
            ObjectAccess(reads=(_FEATURES, _RUNS, _ARTIFACTS), writes=(_RUNS, _ARTIFACTS)),
        ),
        _with_training(REGISTER, ObjectAccess(reads=(_RUNS, _ARTIFACTS)), tracks=True),
        # As many at a time as the machine has models in hand.
        _with_database(PUBLISH, EVENT_CLASS, ObjectAccess(reads=(_RUNS,))),
        _with_training(ALIAS, tracks=True),
        _with_database(
            PREDICT,
            SINGLE_CLASS,
            ObjectAccess(reads=(*_DATASETS, _ARTIFACTS), writes=_DATASETS),
            predicts=True,
        ),
        _with_database(
            MONITOR,
            SINGLE_CLASS,
            ObjectAccess(reads=(_FEATURES, _RUNS, _ARTIFACTS)),
            predicts=True,
        ),
    )
}
