"""Drift of features and predictions of the champion, month by month."""

from typing import Any

from sqlalchemy import Connection


def latest(connection: Connection, model: str, version: int) -> list[dict[str, Any]]:
    """Return the drift of the last month measured, the greatest index first.

    Returns:
        By feature, and for ``prediction``: ``feature``, ``measured_on``, ``rows``, ``psi``,
        ``usual_psi`` (the 95 % quantile of the months of training), ``months`` (of training),
        ``p_value`` and ``level`` (``none``, ``moderate`` or ``large``). Empty where nothing has
        been measured.
    """
    raise NotImplementedError
