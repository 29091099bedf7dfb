"""What became of predictions: outcomes, drift of features and performance, and the public record.

Predictions stay as they were stored, and so does an outcome once there is one.
"""

from typing import Any

from sqlalchemy import Connection

from quant.ml.objects import Objects


def run(connection: Connection, objects: Objects, dataset: str | None = None) -> dict[str, Any]:
    """Join outcomes to stored predictions, then measure drift; repeating it changes nothing.

    Args:
        connection: Connection to write with; the caller commits.
        objects: The bucket of machine learning.
        dataset: Features that outcomes are taken from; None for the newest that were built.

    Returns:
        ``dataset``, None where there are no features; and by model, under ``models``:
        ``outcomes`` (see ``outcomes.Joined``), ``drift`` (see ``drift.summary``) and
        ``performance`` (see ``performance.performance``), the last two None where nothing can be
        measured, and ``problem``, why something could not.
    """
    # Imported here: requests read the scorecard of this package, and have no DuckDB.
    from quant.ml.monitoring.monitor import monitor, newest_dataset  # noqa: PLC0415

    dataset = dataset or newest_dataset(connection, objects)
    models = {} if dataset is None else monitor(connection, objects, dataset)
    return {"dataset": dataset, "models": models}
