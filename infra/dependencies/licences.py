"""Check that everything deployed has a licence that we may distribute it by: ``make licences``."""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from license_expression import AND, OR, ExpressionError, LicenseSymbol, get_spdx_licensing

from infra.build import TRAINING, install
from infra.dependencies import DEPLOYED
from infra.paths import BUILD, LOCAL_LAYERS

# Permissive, or copyleft of single files that we do not change (MPL-2.0). By SPDX identifier.
ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "LicenseRef-BSD",  # a package that says no more than that
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)

# Packages whose metadata does not name one of these, each with the reason why it may be deployed.
EXCEPTIONS: Final[Mapping[str, str]] = {
    "huey": "MIT, by the licence file in it",
    "psycopg2-binary": "LGPL, as a library of MLflow's that is not changed, in an image of our own",
    "pypdfium2": "BSD-3-Clause and Apache-2.0; PDFium in it is BSD-3-Clause, its parts permissive",
    "skops": "MIT, by the licence file in it",
}

# What packages write that predate licence expressions (PEP 639): classifiers' last parts, and text.
_NAMES: Final[Mapping[str, str]] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "LicenseRef-BSD",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "LicenseRef-BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_CLASSIFIER: Final = "License :: OSI Approved :: "
_BETWEEN: Final = re.compile(r"[^A-Za-z0-9.]+")
_SPDX: Final = get_spdx_licensing()


def problem(metadata: str) -> str | None:
    """Return what forbids to distribute a package, by its ``METADATA``; None where nothing does.

    https://packaging.python.org/en/latest/specifications/core-metadata/#license-expression
    """
    fields = HeaderParser().parsestr(metadata)
    name = fields["Name"]
    if name in EXCEPTIONS:
        return None
    licence = _licence(fields)
    if licence is None:
        return f"{name}: its metadata names no licence"
    try:
        allowed = _allowed(_SPDX.parse(licence))
    except ExpressionError as error:
        return f"{name}: {error}"
    return None if allowed else f"{name}: {licence} is not among the allowed licences"


def _licence(fields: Message) -> str | None:
    """Return a licence expression: that of the package, or what its older fields amount to."""
    expression = fields["License-Expression"]
    if expression:
        return str(expression)
    text = fields["License"] or ""
    if text in _NAMES or text in ALLOWED:
        return _NAMES.get(text, text)
    classifiers = [
        value.removeprefix(_CLASSIFIER)
        for value in fields.get_all("Classifier", [])
        if value.startswith(_CLASSIFIER)
    ]
    # One that is not known gets an identifier, which is not allowed.
    known = (_NAMES.get(name, f"LicenseRef-{_BETWEEN.sub('-', name)}") for name in classifiers)
    return " AND ".join(known) or None


def _allowed(expression: object) -> bool:
    match expression:
        case AND():
            return all(_allowed(part) for part in expression.args)
        case OR():
            return any(_allowed(part) for part in expression.args)
        case LicenseSymbol():
            return expression.key in ALLOWED
    return False


def metadata_of(folder: Path) -> Iterator[str]:
    """Yield the ``METADATA`` of each package in a folder."""
    for file in sorted(folder.glob("*.dist-info/METADATA")):
        yield file.read_text()


def problems(folder: Path) -> list[str]:
    """Return what forbids to distribute the packages in a folder.

    Raises:
        FileNotFoundError: There are none.
    """
    found = [problem(metadata) for metadata in metadata_of(folder)]
    if not found:
        msg = f"there are no packages in {folder}"
        raise FileNotFoundError(msg)
    return [each for each in found if each is not None]


def built(name: str) -> Path:
    """Return where the build has left the packages of a layer."""
    # What only images have on AWS is a layer in the local cloud.
    target = "local" if name == TRAINING else "aws"
    return BUILD / target / "layers" / name / "python"


def main() -> None:
    """Check the layers that are built, and what the images of tasks install."""
    found = []
    for name, lock in DEPLOYED.items():
        if name in LOCAL_LAYERS:
            found += problems(built(name))
            continue
        with tempfile.TemporaryDirectory() as folder:
            install("aws", lock, Path(folder))
            found += problems(Path(folder))
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
