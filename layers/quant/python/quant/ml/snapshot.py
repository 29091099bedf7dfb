"""The rows that features are computed of, copied out of Postgres as of one moment."""

from sqlalchemy import Connection

from quant.ml.objects import Objects


def take(connection: Connection, objects: Objects) -> str:
    """Store the present data as Parquet; what is there already is not written again.

    Args:
        connection: In autocommit mode, or in a snapshot (``quant.exports.rows.snapshot``).
        objects: Where to.

    Returns:
        The identifier of the dataset.
    """
    raise NotImplementedError
