"""Read features as arrays."""

from datetime import date

from quant.ml.catalogue import Subject
from quant.ml.features.frame import Frame
from quant.ml.objects import Objects


def read(
    objects: Objects,
    dataset: str,
    subject: Subject,
    *,
    first: date | None = None,
    last: date | None = None,
) -> Frame:
    """Return the rows of a subject whose ``as_of`` lies within the bounds, inclusive.

    Raises:
        NotFoundError: The features of those months were not built.
    """
    raise NotImplementedError
