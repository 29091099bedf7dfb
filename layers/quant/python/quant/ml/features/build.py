"""Compute the features of a dataset and keep them as Parquet, a file for each subject and month.

    features/<dataset>/<subject>/as_of=<YYYY-MM>.parquet
    features/<dataset>/manifest.json   last: what it does not name does not count

The same snapshot gives the same bytes, however often and from whatever month on it is computed.
"""

import json
from collections.abc import Collection
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from quant.errors import NotFoundError
from quant.ml.catalogue import Subject
from quant.ml.features.declared import FEATURES
from quant.ml.features.engine import opened
from quant.ml.features.statement import RESULT, compute
from quant.ml.layout import FEATURES as FOLDER
from quant.ml.layout import canonical, features_key, sha256
from quant.ml.objects import Objects

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BEGINNING: Final = "0001-01"
_ROW_GROUP_ROWS: Final = 122_880


def build(
    objects: Objects,
    dataset: str,
    *,
    subjects: Collection[Subject] | None = None,
    since: date | None = None,
) -> dict[str, Any]:
    """Compute features and outcomes of a snapshot; what is there already is not computed again.

    Args:
        objects: Holds the snapshot (``quant.ml.snapshot.take``) and gets the files.
        dataset: Identifier of the dataset.
        subjects: What rows are about; None for all.
        since: First day; its whole month is written. None for the beginning.

    Returns:
        The manifest, with every file there is.

    Raises:
        NotFoundError: There is no such snapshot.
        DamagedObjectError: Its bytes are others.
    """
    month = since.isoformat()[:7] if since else _BEGINNING
    try:
        manifest = manifest_of(objects, dataset)
    except NotFoundError:
        manifest = {"dataset": dataset, "subjects": {}}
    missing = [
        subject
        for subject in Subject
        if (subjects is None or subject in subjects)
        # Months as text come in the order of time.
        and not manifest["subjects"].get(subject, {"since": "~"})["since"] <= month
    ]
    if missing:
        with opened(objects, dataset) as database:
            manifest |= _facts(database)
            for subject in missing:
                manifest["subjects"][subject.value] = {
                    "since": month,
                    "features": [feature.name for feature in FEATURES[subject]],
                    "files": _write(database, objects, dataset, subject, month),
                }
        objects.put(_manifest_key(dataset), canonical(manifest))
    return manifest


def manifest_of(objects: Objects, dataset: str) -> dict[str, Any]:
    """Return what was built of a dataset.

    Raises:
        NotFoundError: Nothing was.
    """
    try:
        content = objects.get(_manifest_key(dataset))
    except NotFoundError:
        msg = f"there are no features of {dataset}"
        raise NotFoundError(msg) from None
    manifest: dict[str, Any] = json.loads(content)
    return manifest


def _manifest_key(dataset: str) -> str:
    return f"{FOLDER}/{dataset}/manifest.json"


def _facts(database: "DuckDBPyConnection") -> dict[str, Any]:
    """Return what the manifest says of the data."""
    row = database.execute(
        "select through, benchmark, (select max(day) from trading_days),"
        " (select coalesce(bool_or(synthetic), false) from politicians"
        " semi join trades using (politician_id)) from facts"
    ).fetchone()
    through, benchmark, trading_days, synthetic = row or (None, None, None, False)
    return {
        "disclosed_through": through and through.isoformat(),
        "benchmark": benchmark,
        "trading_days_through": trading_days and trading_days.isoformat(),
        "synthetic": synthetic,
    }


def _write(
    database: "DuckDBPyConnection", objects: Objects, dataset: str, subject: Subject, month: str
) -> dict[str, Any]:
    """Write the files of a subject; return key, rows and SHA-256 of each by month."""
    compute(database, subject, FEATURES[subject], since=date.fromisoformat(f"{month}-01"))
    months = database.execute(
        "select strftime(as_of, '%Y-%m'), min(as_of), max(as_of), count(*)"
        f" from {RESULT} group by all order by all"
    ).fetchall()
    files = {}
    # Threads would take turns at a file.
    database.execute("set threads = 1")
    with TemporaryDirectory(prefix="quant-features-") as folder:
        path = Path(folder, "rows.parquet")
        for name, first, last, rows in months:
            # A table of these rows alone: how a column is written depends on the statistics of
            # the table, of all months together.
            database.execute(
                "create or replace temp table written as"
                f" from {RESULT} where as_of between date '{first}' and date '{last}'"
            )
            database.execute(
                f"copy written to '{str(path).replace("'", "''")}'"
                f" (format parquet, compression zstd, row_group_size {_ROW_GROUP_ROWS})"
            )
            content, key = path.read_bytes(), features_key(dataset, subject, name)
            objects.publish(key, content)
            files[name] = {"key": key, "rows": rows, "sha256": sha256(content)}
        database.execute("drop table if exists written")
    database.execute(f"drop table {RESULT}")
    database.execute("reset threads")
    return files
