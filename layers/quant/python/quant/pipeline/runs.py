"""Runs of collectors, as they reported them."""

from sqlalchemy import Connection, text

from quant.pipeline.messages import CollectionReport


def record_collection(connection: Connection, report: CollectionReport) -> None:
    """Keep a collector's report; the same report again changes nothing."""
    connection.execute(
        text(
            "insert into collections (run_id, collector, started_at, finished_at, outcome,"
            " requests, stored, unchanged, detail) values (:run_id, :collector, :started_at,"
            " :finished_at, :outcome, :requests, :stored, :unchanged, :detail)"
            " on conflict (run_id) do nothing"
        ),
        {**report.model_dump(exclude={"kind"}), "outcome": report.outcome.value},
    )
