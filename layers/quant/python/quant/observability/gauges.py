"""Metrics that are read from the database when somebody asks."""

import os
from collections.abc import Iterator

from quant import __version__
from quant.db.schema import SCHEMA_REVISION
from quant.observability.exposition import Family, Sample
from quant.pipeline.freshness import Freshness
from quant.pipeline.sources import SourceState

_DAY_S = 86_400


def build() -> Family:
    """Return what code answers."""
    labels = {
        "version": __version__,
        "function_version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        "schema": SCHEMA_REVISION,
    }
    help_ = "1; version of the code, of the function, and the schema that they need."
    return Family("quant_build_info", "gauge", help_, (Sample(1, labels),))


def up(stores: dict[str, bool]) -> Family:
    """Return which data stores answered."""
    samples = tuple(Sample(int(well), {"store": name}) for name, well in stores.items())
    return Family("quant_store_up", "gauge", "Whether a data store answered.", samples)


def schema(revision: str | None) -> Family:
    """Return the revision that the database is at."""
    sample = Sample(1, {"revision": revision or ""})
    return Family("quant_schema_info", "gauge", "1; revision of the schema.", (sample,))


def pipeline(freshness: Freshness) -> Iterator[Family]:
    """Yield how fresh the data is and what work is left."""
    age = freshness.disclosure_age_days
    yield Family(
        "quant_disclosure_age_seconds",
        "gauge",
        "Time since the day of the latest disclosure.",
        () if age is None else (Sample(age * _DAY_S, {}),),
    )
    yield Family(
        "quant_source_stale",
        "gauge",
        "Whether a source was not asked for news lately.",
        tuple(
            Sample(int(source.state is not SourceState.CURRENT), {"source": source.name.value})
            for source in freshness.sources
        ),
    )
    backlog = freshness.backlog
    since = backlog.oldest_message_at or freshness.at
    for name, value, text in (
        ("outbox_messages", backlog.messages_to_send, "Messages that wait to be sent."),
        (
            "outbox_age_seconds",
            (freshness.at - since).total_seconds(),
            "Time that the first of them has waited.",
        ),
        ("filings_to_fetch", backlog.filings_to_fetch, "Filings that are listed and not read."),
        ("documents_rejected", backlog.documents_rejected, "Documents that cannot be read."),
    ):
        yield Family(f"quant_{name}", "gauge", text, (Sample(value, {}),))
