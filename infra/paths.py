"""Where the app finds what it deploys."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / "build"
IMAGES: Final = ROOT / "infra" / "images"

LAYERS: Final = ("quant", "api", "auth", "pipeline", "analytics", "export", "schema")
# Too large to be one on AWS, where container images have what it has.
LOCAL_LAYERS: Final = (*LAYERS, "training")


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Folders whose content becomes Lambda code; the app reads them as files only.

    Attributes:
        functions: Handlers, ``<folder>/<module>.py``.
        layers: One archive per layer, ``<name>.zip``, with a ``python/`` folder in it.
        bundles: What routes name in ``Route.bundles``.
    """

    functions: Path
    layers: Path
    bundles: Path

    @classmethod
    def built_for(cls, target: str) -> Self:
        """Return the folders ``infra.build`` fills for ``target`` (``local`` or ``aws``)."""
        return cls(functions=ROOT / "functions", layers=BUILD / target / "layers", bundles=BUILD)
