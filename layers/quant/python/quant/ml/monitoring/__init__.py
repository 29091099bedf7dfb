"""What became of predictions: outcomes, drift of features and performance, and the public record.

Predictions stay as they were stored, and so does an outcome once there is one.
"""

from typing import Any

from sqlalchemy import Connection

from quant.ml.objects import Objects


def run(connection: Connection, objects: Objects) -> dict[str, Any]:
    """Join outcomes to stored predictions, then measure drift; repeating it changes nothing.

    Args:
        connection: Connection to write with; the caller commits.
        objects: The bucket of machine learning.

    Returns:
        ``dataset``, the features that outcomes were taken from, None where there are none yet; and
        by model, under ``models``: ``outcomes`` (``opened``, ``closed``, ``missing``, ``open``,
        ``differing``), ``drift`` (``version``, ``measured_on``, ``features``, ``shifted``,
        ``share_shifted``, ``worst_feature``, ``worst_psi``, ``prediction_psi``) and
        ``performance`` (``n``, ``coverage``, ``loss``, ``record_loss``, p- and q-values), the last
        two None where nothing can be measured.
    """
    raise NotImplementedError
