"""Documents that a batch computes ahead, because they take too long for a request.

A stored document says at which data version it was computed. While a newer version waits for the
batch the older document is served, and says so; only what was never computed is computed at once.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from quant.db.analysis_models import Analysis
from quant.db.keyset import data_version
from quant.reports.documents import dump_document

type Compute = Callable[[Connection], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Precomputation:
    """A kind of document that the batch keeps.

    Attributes:
        kind: What it is of; with the key it names a document.
        method_version: Changes with whatever changes the numbers, so that the batch computes anew.
        compute: Returns all the kind's documents by key.
    """

    kind: str
    method_version: str
    compute: Callable[[Connection], Mapping[str, Mapping[str, Any]]]


def is_current(connection: Connection, precomputation: Precomputation) -> bool:
    """Say whether the stored documents of a kind are those of the present data."""
    stored = connection.execute(
        select(Analysis.data_version, Analysis.method_version)
        .where(Analysis.kind == precomputation.kind)
        .distinct()
    ).all()
    return [tuple(row) for row in stored] == [
        (data_version(connection), precomputation.method_version)
    ]


def replace(
    connection: Connection,
    precomputation: Precomputation,
    documents: Mapping[str, Mapping[str, Any]],
    version: int,
) -> None:
    """Store the documents of a kind in place of those stored before.

    Args:
        connection: Connection in a transaction.
        precomputation: The kind.
        documents: Documents by key.
        version: Data version they were computed at.
    """
    connection.execute(
        text("delete from analyses where kind = :kind and not key = any(cast(:keys as text[]))"),
        {"kind": precomputation.kind, "keys": list(documents)},
    )
    for key, document in documents.items():
        connection.execute(
            text(
                "insert into analyses as a (kind, key, data_version, method_version, document)"
                " values (:kind, :key, :version, :method_version, cast(:document as jsonb))"
                " on conflict (kind, key) do update set data_version = excluded.data_version,"
                " method_version = excluded.method_version, document = excluded.document,"
                " computed_at = now() where a.data_version <= excluded.data_version"
            ),
            {
                "kind": precomputation.kind,
                "key": key,
                "version": version,
                "method_version": precomputation.method_version,
                "document": dump_document(document).decode(),
            },
        )


def stored_document(connection: Connection, kind: str, key: str = "") -> dict[str, Any] | None:
    """Return a stored document, None where the batch never made it.

    Its ``data_version`` is the one it was computed at and ``is_current`` says whether that is still
    the version of the data.
    """
    row = connection.execute(
        select(Analysis.document, Analysis.data_version).where(
            Analysis.kind == kind, Analysis.key == key
        )
    ).one_or_none()
    if row is None:
        return None
    document = row.document if isinstance(row.document, dict) else json.loads(row.document)
    return {
        **document,
        "data_version": row.data_version,
        "is_current": row.data_version == data_version(connection),
    }


def stored_or_computed(
    connection: Connection, precomputation: Precomputation, key: str = ""
) -> dict[str, Any]:
    """Return the stored document of a key, computed now where the batch never ran.

    Raises:
        KeyError: The kind has no document of this key.
    """
    stored = stored_document(connection, precomputation.kind, key)
    if stored is not None:
        return stored
    version = data_version(connection)
    document = precomputation.compute(connection)[key]
    return {**document, "data_version": version, "is_current": True}
