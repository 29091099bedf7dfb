"""The public record of a model: predictions stored before their outcome was known."""

from typing import Any

from sqlalchemy import Connection


def scorecard(connection: Connection, model: str) -> dict[str, Any]:
    """Return the document on the record of a model's stored predictions.

    Args:
        connection: Connection to read from.
        model: Name, of ``quant.ml.catalogue.MODELS``.

    Returns:
        ``data`` (``model``, ``champion`` with ``version``, ``since``, ``disabled`` and
        ``disabled_reason``, ``overall``, ``versions``, ``months``, ``excluded``, ``statement``,
        ``notice``), ``methods``, ``synthetic`` and ``data_version``.

    Raises:
        NotFoundError: There is no such model.
    """
    raise NotImplementedError
