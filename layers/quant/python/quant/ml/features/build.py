"""Compute the features of a dataset and keep them as Parquet, a file for each subject and month."""

from collections.abc import Collection
from datetime import date
from typing import Any

from quant.ml.catalogue import Subject
from quant.ml.objects import Objects


def build(
    objects: Objects,
    dataset: str,
    *,
    subjects: Collection[Subject] | None = None,
    since: date | None = None,
) -> dict[str, Any]:
    """Compute features and outcomes of a snapshot; what is there already is not computed again.

    Args:
        objects: Holds the snapshot (``quant.ml.snapshot.take``) and gets the files.
        dataset: Identifier of the dataset.
        subjects: What rows are about; None for all.
        since: First day; its whole month is written. None for the beginning.

    Returns:
        The manifest, with every file there is.

    Raises:
        NotFoundError: There is no such snapshot.
    """
    raise NotImplementedError
