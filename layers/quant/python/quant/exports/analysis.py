"""What the analytics say of a politician, as a document or as a table of its numbers."""

import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from quant.exports.dictionary import ANALYSIS
from quant.exports.formats import Written, sha256_of, write_values
from quant.exports.selections import Subject
from quant.vocabulary import ExportFormat

type Report = Callable[[Connection, str], Mapping[str, Any]]

# The reports by name: each module has NumPy, which only an export of analyses must load.
_REPORTS: Final[Mapping[str, tuple[str, str]]] = {
    "performance": ("quant.reports.performance", "politician_report"),
    "patterns": ("quant.reports.patterns", "comprehensive_report"),
    "anomalies": ("quant.reports.anomalies", "anomaly_report"),
}

# A request waits for no further report when it has waited for this long.
REQUEST_S: Final = 12.0

# Members of a document that hold no numbers of it.
_LEFT_OUT: Final = frozenset({"evidence", "method", "methods", "sample", "politician"})
_ESTIMATE: Final = frozenset({"value", "standard_error", "low", "high", "p_value", "q_value", "n"})
# By what the items of a list are told apart, the first that they have.
_LABELS: Final = (
    "name",
    "analysis",
    "id",
    "metric",
    "component",
    "kind",
    "model",
    "period",
    "horizon",
)


class TooSlowError(Exception):
    """The reports take longer than a request may wait."""


def reports() -> dict[str, Report]:
    """Return every report on a politician by its name."""
    return {name: getattr(import_module(module), made) for name, (module, made) in _REPORTS.items()}


def documents(
    connection: Connection, subject: Subject, *, seconds: float | None = None
) -> dict[str, Mapping[str, Any]]:
    """Return the documents of every report on a politician, by name.

    Args:
        connection: Connection in a snapshot.
        subject: The politician.
        seconds: How long to go on; None for as long as it takes.

    Raises:
        TooSlowError: There was no time for the last of them.
    """
    started = time.monotonic()
    found: dict[str, Mapping[str, Any]] = {}
    for name, report in reports().items():
        if seconds is not None and time.monotonic() - started > seconds:
            raise TooSlowError
        found[name] = report(connection, str(subject.id))
    return found


def write(
    found: Mapping[str, Mapping[str, Any]], subject: Subject, form: ExportFormat, directory: Path
) -> Written:
    """Write documents to a file: as they are in JSON, their numbers in CSV and Parquet.

    Args:
        found: Documents by name.
        subject: The politician they are of.
        form: In which format.
        directory: Where to.
    """
    from quant.reports.documents import dump_document  # noqa: PLC0415 - as above

    if form is ExportFormat.JSON:
        path = directory / f"{ANALYSIS.name}.{form}"
        path.write_bytes(dump_document(dict(found)) + b"\n")
        return Written(path, len(found), path.stat().st_size, sha256_of(path))
    return write_values(_table(found, subject), ANALYSIS, form, directory)


def _table(
    found: Mapping[str, Mapping[str, Any]], subject: Subject
) -> Iterator[tuple[object, ...]]:
    bioguide_id = subject.bioguide_id
    for name, document in found.items():
        methods = _methods(document)
        for path, horizon, method, numbers in flatten(document["data"]):
            yield (
                str(subject.id),
                bioguide_id,
                name,
                ".".join(path),
                horizon,
                numbers.get("value"),
                numbers.get("standard_error"),
                numbers.get("low"),
                numbers.get("high"),
                numbers.get("p_value"),
                numbers.get("q_value"),
                numbers.get("n"),
                method or _method_of(path, methods),
                document["data_version"],
                subject.synthetic,
            )


def _methods(document: Mapping[str, Any]) -> dict[str, str]:
    """Return a document's methods by the part of their identifier after the area."""
    declared = document.get("methods") or [document["method"]]
    return {method["id"].partition(".")[2]: method["id"] for method in declared}


def _method_of(path: tuple[str, ...], methods: Mapping[str, str]) -> str | None:
    # A part of a document is called after its method where the document has several.
    if len(methods) == 1:
        return next(iter(methods.values()))
    return next((methods[part] for part in reversed(path) if part in methods), None)


def flatten(
    node: Any,
    path: tuple[str, ...] = (),
    horizon: int | None = None,
    method: str | None = None,
) -> Iterator[tuple[tuple[str, ...], int | None, str | None, Mapping[str, Any]]]:
    """Yield every estimate and every test of a document's data.

    Args:
        node: A part of the data.
        path: Names of the parts it is in.
        horizon: Of the innermost of them that has one, trading days.
        method: Identifier of the method of the innermost of them that has one.

    Yields:
        Where it stands, horizon, method and the numbers.
    """
    if isinstance(node, list | tuple):
        for place, item in enumerate(node):
            yield from flatten(item, (*path, _label(item, place)), horizon, method)
    if not isinstance(node, Mapping):
        return
    if node.keys() >= _ESTIMATE:
        yield path, horizon, method, node
        return
    named = node.get("method")
    method = named if isinstance(named, str) else method
    own = node.get("horizon")
    horizon = own if isinstance(own, int) and not isinstance(own, bool) else horizon
    inner = node.get("estimate")
    if isinstance(inner, Mapping) and inner.keys() >= _ESTIMATE:
        # A test stands beside its estimate, which need not repeat it.
        tested = {name: node[name] for name in ("p_value", "q_value") if node.get(name) is not None}
        yield path, horizon, method, {**inner, **tested}
    elif "p_value" in node:
        yield path, horizon, method, node
    for name, part in node.items():
        if name not in _LEFT_OUT and name != "estimate":
            yield from flatten(part, (*path, str(name)), horizon, method)


def _label(item: Any, place: int) -> str:
    if isinstance(item, Mapping):
        for name in _LABELS:
            if isinstance(item.get(name), str | int):
                return str(item[name])
    return str(place)
