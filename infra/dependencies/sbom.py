"""Write the bill of materials of each layer and image as CycloneDX: ``make sbom``.

https://cyclonedx.org/docs/1.6/json/
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.dependencies import DEPLOYED
from infra.paths import BUILD, ROOT

FOLDER: Final = BUILD / "sbom"


def write(name: str, folder: Path) -> Path:
    """Write the bill of what is deployed under a name, checked by CycloneDX's schema.

    The same lock gives the same bytes.

    Args:
        name: Of ``infra.dependencies.DEPLOYED``.
        folder: Where to.

    Raises:
        subprocess.CalledProcessError: The lock cannot be read, or the bill is invalid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.cdx.json"
    command = [
        # Locks do not say who needs whom, which it warns of.
        *(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements"),
        *("--pyproject", str(ROOT / "pyproject.toml"), "--spec-version", "1.6"),
        *("--output-reproducible", "--validate", "--output-file", str(path)),
        str(DEPLOYED[name]),
    ]
    subprocess.run(command, check=True)  # noqa: S603 - our own list
    return path


def main() -> None:
    """Write all bills."""
    for name in DEPLOYED:
        write(name, FOLDER)


if __name__ == "__main__":
    main()
