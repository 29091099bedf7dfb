"""Where everything of machine learning is kept, and how files are named by their content.

One bucket. A key that names a version, a run or a checksum is written once and never changes, so
that a step that runs again finds what it has done.

    snapshots/<dataset>/<table>.parquet            the rows that features are computed of
    features/<dataset>/<subject>/as_of=<YYYY-MM>.parquet
    features/<dataset>/manifest.json
    runs/<run>/plan.json                            what is to be fitted
    runs/<run>/<model>/fits/<fit>.json              one configuration on one fold
    runs/<run>/<model>/evaluation.json
    runs/<run>/<model>/record.parquet               every prediction out of sample, with its outcome
    models/<model>/<sha256>.json                    artifacts that predictions are made with
    tracking/                                       what the tracking server keeps
"""

import hashlib
import json
from typing import Any, Final

SNAPSHOTS: Final = "snapshots"
FEATURES: Final = "features"
RUNS: Final = "runs"
ARTIFACTS: Final = "models"
TRACKING: Final = "tracking"


def canonical(document: Any) -> bytes:
    """Return the one JSON text of a document: sorted keys, no blanks, no NaN (RFC 8259).

    Floats are written with as few digits as identify them, hence read back exactly.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return text.encode()


def sha256(content: bytes) -> str:
    """Return the SHA-256 of ``content``, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def dataset_id(data_version: int, feature_version: int) -> str:
    """Return the identifier of the features of a version of the data."""
    return f"v{data_version}-f{feature_version}"


def feature_version(dataset: str) -> int:
    """Return the version of the features' formulas that a dataset was computed by.

    Raises:
        ValueError: It is no identifier of ``dataset_id``.
    """
    return int(dataset.rpartition("-f")[2])


def run_id(settings: Any) -> str:
    """Return the identifier of the run that these settings decide, 16 hex digits."""
    return sha256(canonical(settings))[:16]


def features_key(dataset: str, subject: str, month: str) -> str:
    """Return the key of the features of one month, ``YYYY-MM``."""
    return f"{FEATURES}/{dataset}/{subject}/as_of={month}.parquet"


def run_key(run: str, *parts: str) -> str:
    """Return a key of a run."""
    return "/".join((RUNS, run, *parts))


def artifact_key(model: str, digest: str) -> str:
    """Return the key of the artifact with this SHA-256."""
    return f"{ARTIFACTS}/{model}/{digest}.json"
