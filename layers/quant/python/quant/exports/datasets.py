"""The research dataset: versions of all tables whose files never change.

A version is named after the version of the data it was read from and of the schema it is written
in; both together decide every byte of it.
"""

import json
from collections.abc import Callable
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from quant import __version__
from quant.db.export_models import Dataset
from quant.db.keyset import data_version
from quant.db.session import read, write
from quant.errors import NotFoundError
from quant.exports import dictionary, rows
from quant.exports.dictionary import DATASET, LEFT_OUT, SCHEMA_VERSION
from quant.exports.formats import sha256_of, write_file
from quant.exports.leases import Result
from quant.exports.objects import DATASET_PREFIX, ExportBucket, ExportFile
from quant.exports.requests import MEDIA_TYPES
from quant.exports.rows import Selection
from quant.vocabulary import ExportFormat

SUMS: Final = "SHA256SUMS"
DICTIONARY: Final = "dictionary.json"
MANIFEST: Final = "manifest.json"
# Versions a list shows.
MAX_LISTED: Final = 100

_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"

type Progress = Callable[[int, int], None]


def version_id(data: int) -> str:
    """Return the identifier of the version that is made of this version of the data."""
    return f"v{data}-s{SCHEMA_VERSION}"


def make(bucket: ExportBucket, form: ExportFormat, directory: Path, progress: Progress) -> Result:
    """Make the present version of the dataset in a format, unless it was made before.

    Args:
        bucket: Where its files go.
        form: In which format.
        directory: Where they are written first.
        progress: Told the rows so far and the rows there are.

    Raises:
        ChangedObjectError: Other files were published as this version.
        StoreUnavailableError: Postgres or S3 cannot be reached.
    """
    with rows.snapshot() as connection:
        data = data_version(connection)
        found = _find(connection, version_id(data), form)
        if found is not None and _is_there(bucket, found):
            return _result(found)
        files = build(connection, data, form, directory, progress)
    count = sum(file["rows"] or 0 for file in files)
    published = []
    for file in files:
        published.append(_publish(bucket, form, data, file, directory))
        progress(count, count)
    values = {
        "version": version_id(data),
        "format": form,
        "schema_version": SCHEMA_VERSION,
        "data_version": data,
        "sha256": sha256_of(directory / SUMS),
        "files": published,
        "code_version": __version__,
    }
    # Whoever made it first has made the same.
    write(
        lambda connection: connection.execute(
            insert(Dataset).values(values).on_conflict_do_nothing()
        )
    )
    return _result(values)


def build(
    connection: Connection, data: int, form: ExportFormat, directory: Path, progress: Progress
) -> list[dict[str, Any]]:
    """Write every file of the dataset; the same data give the same bytes.

    Args:
        connection: Connection in a snapshot.
        data: Version of the data it sees.
        form: In which format.
        directory: Where to.
        progress: Told the rows so far and the rows there are.

    Returns:
        ``name``, ``bytes``, ``sha256`` and ``rows`` of each, the manifest last.
    """
    selections = [Selection(table) for table in DATASET]
    total = sum(rows.count(connection, selection) for selection in selections)
    done = 0
    files: list[dict[str, Any]] = []
    tables: list[dict[str, Any]] = []
    for selection in selections:

        def told(count: int, before: int = done) -> None:
            progress(before + count, total)

        written = write_file(connection, selection, form, directory, progress=told)
        done += written.rows
        file = _described(written.path, written.rows, written.sha256)
        files.append(file)
        tables.append({"table": selection.table.name, **file})
    files.append(_write_json(directory / DICTIONARY, dictionary.document()))
    sums = directory / SUMS
    sums.write_text("".join(f"{file['sha256']}  {file['name']}\n" for file in files))
    files.append(_described(sums))
    files.append(
        _write_json(
            directory / MANIFEST,
            {
                "version": version_id(data),
                "schema_version": SCHEMA_VERSION,
                "data_version": data,
                "format": form,
                "sha256": files[-1]["sha256"],
                "sha256_of": SUMS,
                "tables": tables,
                "dictionary": DICTIONARY,
                "left_out": dict(LEFT_OUT),
                "made_by": _makers(form),
            },
        )
    )
    return files


def list_datasets(
    *, version: str | None = None, form: ExportFormat | None = None
) -> list[dict[str, Any]]:
    """Return the versions there are, the latest first, each in the formats it was made in.

    Args:
        version: This version alone.
        form: In this format alone.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
    """
    statement = select(*Dataset.__table__.columns)
    if version is not None:
        statement = statement.where(Dataset.version == version)
    if form is not None:
        statement = statement.where(Dataset.format == form)
    found = read(
        lambda connection: connection.execute(
            statement.order_by(
                Dataset.data_version.desc(), Dataset.schema_version.desc(), Dataset.format
            ).limit(MAX_LISTED)
        ).all()
    )
    return [dict(row._mapping) for row in found]


def _find(connection: Connection, version: str, form: ExportFormat) -> dict[str, Any] | None:
    row = connection.execute(
        select(*Dataset.__table__.columns).where(Dataset.version == version, Dataset.format == form)
    ).one_or_none()
    return None if row is None else dict(row._mapping)


def _is_there(bucket: ExportBucket, dataset: dict[str, Any]) -> bool:
    # A local cloud may keep its database and lose its objects.
    try:
        bucket.metadata(dataset["files"][-1]["key"])
    except NotFoundError:
        return False
    return True


def _result(dataset: dict[str, Any]) -> Result:
    files = dataset["files"]
    return Result(
        rows=sum(file["rows"] or 0 for file in files),
        bytes=sum(file["bytes"] for file in files),
        sha256=dataset["sha256"],
        data_version=dataset["data_version"],
        files=files,
        kept=True,
    )


def _publish(
    bucket: ExportBucket, form: ExportFormat, data: int, file: dict[str, Any], directory: Path
) -> dict[str, Any]:
    name = file["name"]
    kind = {SUMS: _TEXT, DICTIONARY: _JSON, MANIFEST: _JSON}.get(name, MEDIA_TYPES[form])
    key = f"{DATASET_PREFIX}{version_id(data)}/{form}/{name}"
    stored = ExportFile(key, directory / name, file["sha256"], kind)
    if name == MANIFEST:
        # It names the release that made it: one that was cut short may have been another one.
        bucket.put(stored)
    else:
        bucket.publish(stored)
    return {**file, "key": key}


def _makers(form: ExportFormat) -> dict[str, str]:
    makers = {"quant-analytics-platform": __version__}
    return makers | ({"duckdb": package_version("duckdb")} if form is ExportFormat.PARQUET else {})


def _write_json(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return _described(path)


def _described(path: Path, count: int | None = None, sha256: str | None = None) -> dict[str, Any]:
    return {
        "name": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256 or sha256_of(path),
        "rows": count,
    }
