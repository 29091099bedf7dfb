"""Read features as arrays."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quant.analytics.arrays import Days, Floats
from quant.errors import NotFoundError
from quant.ml.catalogue import KEYS, Subject
from quant.ml.features.build import manifest_of
from quant.ml.features.engine import connected
from quant.ml.features.frame import Frame
from quant.ml.features.rows import ROWS
from quant.ml.objects import Objects, get_checked

_DAY: Final = "datetime64[D]"


def read(
    objects: Objects,
    dataset: str,
    subject: Subject,
    *,
    first: date | None = None,
    last: date | None = None,
) -> Frame:
    """Return the rows of a subject whose ``as_of`` lies within the bounds, inclusive.

    Args:
        objects: Holds the features (``quant.ml.features.build.build``).
        dataset: Identifier of the dataset.
        subject: What rows are about.
        first: First day; None for the first that was built.
        last: Last day; None for the end.

    Raises:
        NotFoundError: The features of those months were not built.
        DamagedObjectError: The bytes of a file are others.
    """
    built = manifest_of(objects, dataset)["subjects"].get(subject)
    if built is None or (first is not None and first.isoformat()[:7] < built["since"]):
        msg = f"the features of {subject} in {dataset} were not built from {first or 'any day'} on"
        raise NotFoundError(msg)
    low, high = first or date.min, last or date.max
    with TemporaryDirectory(prefix="quant-features-") as folder:
        directory = Path(folder)
        for month, file in built["files"].items():
            if low.isoformat()[:7] <= month <= high.isoformat()[:7]:
                content = get_checked(objects, file["key"], file["sha256"])
                (directory / f"{month}.parquet").write_bytes(content)
        columns = _columns(directory, low, high)
    return _frame(subject, dataset, tuple(built["features"]), columns)


def _columns(directory: Path, low: date, high: date) -> dict[str, Any]:
    """Return the columns of the files, masked where null."""
    files = [str(path) for path in sorted(directory.glob("*.parquet"))]
    if not files:
        return {}
    with connected(directory) as database:
        return dict(
            database.execute(
                "select * from read_parquet(?) where as_of between ? and ?", [files, low, high]
            ).fetchnumpy()
        )


def _frame(
    subject: Subject, dataset: str, names: tuple[str, ...], columns: dict[str, Any]
) -> Frame:
    empty = np.empty(0)
    labels = ROWS[subject].labels
    as_of = _days(columns.get("as_of", empty.astype(_DAY)))
    x = np.empty((len(as_of), len(names)))
    for place, name in enumerate(names):
        x[:, place] = _floats(columns.get(name, empty))
    return Frame(
        subject=subject,
        dataset=dataset,
        as_of=as_of,
        keys={key: _texts(columns.get(key, empty)) for key in KEYS[subject]},
        names=names,
        x=x,
        labels={label: _floats(columns.get(label, empty)) for label in labels},
        known_on={label: _days(columns.get(f"{label}_known_on", empty)) for label in labels},
    )


def _floats(column: Any) -> Floats:
    return np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)


def _texts(column: Any) -> NDArray[np.str_]:
    return np.asarray(np.ma.getdata(column), dtype=np.str_)


def _days(column: Any) -> Days:
    days = np.ma.getdata(column).astype(_DAY)
    days[np.ma.getmaskarray(column)] = np.datetime64("NaT", "D")
    return days
