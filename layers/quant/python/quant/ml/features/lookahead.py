"""The check for look-ahead: no row may move when everything after its day is changed."""

from datetime import date

from quant.errors import QuantError
from quant.ml.objects import Objects


class LookAheadError(QuantError):
    """Features know what was not public at their day.

    Attributes:
        moved: Names by subject.
    """

    def __init__(self, moved: dict[str, tuple[str, ...]]):
        self.moved = moved
        named = "; ".join(f"{subject}: {', '.join(names)}" for subject, names in moved.items())
        super().__init__(f"these columns look ahead: {named}")


def check(objects: Objects, dataset: str, at: date) -> None:
    """Change all data after a day, and require that no row up to the day moves.

    Raises:
        LookAheadError: A feature, an outcome that was known, or the list of rows moved.
        NotFoundError: There is no such snapshot.
    """
    raise NotImplementedError
