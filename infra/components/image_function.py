"""What the container image of a function is built from.

For those whose layers exceed their budget (docs/adr/0028). Synthesis reads the folder's files
alone; Docker builds the image upon deployment.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.components.handler_code import handler_code
from infra.paths import IMAGES, ROOT, Artefacts

_DOMAIN: Final = "quant"  # the layer that is our own; the others are what their locks name


@contextmanager
def image_context(artefacts: Artefacts, name: str, layers: Sequence[str]) -> Iterator[Path]:
    """Yield a folder with the Dockerfile and all it copies, and nothing of another function.

    Args:
        artefacts: Where handlers and layers are.
        name: ``<folder>.<module>`` below the functions' folder.
        layers: Names of the layers whose content the image has.

    Raises:
        FileNotFoundError: The module does not exist.
    """
    with handler_code(artefacts, name, ()) as code, tempfile.TemporaryDirectory() as temporary:
        context = Path(temporary)
        shutil.copyfile(IMAGES / "function" / "Dockerfile", context / "Dockerfile")
        shutil.copytree(code, context / "functions")
        with zipfile.ZipFile(artefacts.layers / f"{_DOMAIN}.zip") as domain:
            domain.extractall(context)  # a folder ``python``
        locks = context / "locks"
        locks.mkdir()
        for layer in layers:
            if layer != _DOMAIN:
                lock = ROOT / "layers" / layer / "requirements.txt"
                shutil.copyfile(lock, locks / f"{layer}.txt")
        yield context
