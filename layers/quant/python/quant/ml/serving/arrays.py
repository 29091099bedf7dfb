"""Features once more, as arrays that a request reads with NumPy alone.

Reading Parquet takes DuckDB: 64 MB, and most of a second to import. So the daily batch writes what
it has computed a second time.

    features/<dataset>/<subject>/as_of=<YYYY-MM>.npz
    features/<dataset>/arrays.json    last: what it does not name does not count

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import json
from datetime import date
from io import BytesIO
from typing import Any, Final

import numpy as np

from quant.errors import NotFoundError
from quant.ml.catalogue import KEYS, Subject
from quant.ml.features.frame import Frame
from quant.ml.features.rows import ROWS
from quant.ml.layout import FEATURES, canonical, sha256
from quant.ml.objects import Objects, get_checked

_DAY: Final = "datetime64[D]"
# Before the names of columns that are several.
_KEY: Final = "key "
_LABEL: Final = "label "
_KNOWN_ON: Final = "known_on "


def write(objects: Objects, dataset: str) -> None:
    """Write the features of all subjects as arrays, unless that is done.

    Args:
        objects: Holds the features (``quant.ml.features.build.build``) and gets the arrays.
        dataset: Identifier of the dataset.

    Raises:
        NotFoundError: The features were not built.
        DamagedObjectError: The bytes of a file are others.
    """
    try:
        objects.get(_manifest_key(dataset))
    except NotFoundError:
        subjects = {subject.value: _write(objects, dataset, subject) for subject in Subject}
        objects.put(_manifest_key(dataset), canonical(subjects))


def read(objects: Objects, dataset: str, subject: Subject, *, first: date | None = None) -> Frame:
    """Return the rows of a subject as ``quant.ml.features.read.read`` does.

    Args:
        objects: Holds the arrays.
        dataset: Identifier of the dataset.
        subject: What rows are about.
        first: First ``as_of``; None for the first there is.

    Raises:
        NotFoundError: There are no such arrays.
        DamagedObjectError: The bytes of a file are others.
    """
    try:
        found = json.loads(objects.get(_manifest_key(dataset)))[subject]
    except NotFoundError:
        msg = f"the features of {dataset} were not written as arrays"
        raise NotFoundError(msg) from None
    names = tuple(found["features"])
    parts = [_empty(subject, len(names))]
    for month, file in found["files"].items():
        # Months as text come in the order of time.
        if first is None or month >= first.isoformat()[:7]:
            content = get_checked(objects, file["key"], file["sha256"])
            with np.load(BytesIO(content), allow_pickle=False) as columns:
                parts.append(dict(columns))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    frame = Frame(
        subject=subject,
        dataset=dataset,
        as_of=joined["as_of"],
        keys=_named(joined, _KEY),
        names=names,
        x=joined["x"],
        labels=_named(joined, _LABEL),
        known_on=_named(joined, _KNOWN_ON),
    )
    return frame if first is None else frame.take(frame.as_of >= np.datetime64(first, "D"))


def _manifest_key(dataset: str) -> str:
    return f"{FEATURES}/{dataset}/arrays.json"


def _write(objects: Objects, dataset: str, subject: Subject) -> dict[str, Any]:
    """Write the files of a subject; return the features' names, and key and SHA-256 by month."""
    # It imports DuckDB, which those have not that read arrays.
    from quant.ml.features.read import read as read_features  # noqa: PLC0415

    frame = read_features(objects, dataset, subject)
    months = frame.as_of.astype("datetime64[M]")
    files = {}
    for month in np.unique(months):
        content = _bytes(frame.take(months == month))
        key = f"{FEATURES}/{dataset}/{subject}/as_of={month}.npz"
        objects.put(key, content)
        files[str(month)] = {"key": key, "sha256": sha256(content)}
    return {"features": list(frame.names), "files": files}


def _bytes(frame: Frame) -> bytes:
    content = BytesIO()
    np.savez_compressed(content, allow_pickle=False, **_columns(frame))
    return content.getvalue()


def _columns(frame: Frame) -> dict[str, Any]:
    return {
        "as_of": frame.as_of,
        "x": frame.x,
        **{f"{_KEY}{name}": column for name, column in frame.keys.items()},
        **{f"{_LABEL}{name}": column for name, column in frame.labels.items()},
        **{f"{_KNOWN_ON}{name}": column for name, column in frame.known_on.items()},
    }


def _named(columns: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        name.removeprefix(kind): column for name, column in columns.items() if name.startswith(kind)
    }


def _empty(subject: Subject, features: int) -> dict[str, Any]:
    """Return the columns of no rows."""
    days = np.empty(0, dtype=_DAY)
    labels = ROWS[subject].labels
    return {
        "as_of": days,
        "x": np.empty((0, features)),
        **{f"{_KEY}{name}": np.empty(0, dtype=np.str_) for name in KEYS[subject]},
        **{f"{_LABEL}{name}": np.empty(0) for name in labels},
        **{f"{_KNOWN_ON}{name}": days for name in labels},
    }
