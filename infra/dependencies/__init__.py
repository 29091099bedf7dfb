"""What the locks pin: which there are, and which of them are deployed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.paths import IMAGES, ROOT

# By what they are installed into: a layer, images of functions, or those of tasks.
DEPLOYED: Final[Mapping[str, Path]] = {
    **{lock.parent.name: lock for lock in sorted(ROOT.glob("layers/*/requirements.txt"))},
    **{lock.parent.name: lock for lock in sorted(IMAGES.glob("*/requirements.txt"))},
    "tracking": ROOT / "localstack" / "mlflow-requirements.txt",
}

# Those of development, tests and the local cloud besides.
LOCKS: Final = (
    *DEPLOYED.values(),
    *sorted(
        lock
        for folder in ("localstack", "tests")
        for lock in (ROOT / folder).rglob("*requirements.txt")
        if lock not in DEPLOYED.values()
    ),
)
