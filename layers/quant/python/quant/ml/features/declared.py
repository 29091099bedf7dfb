"""The features of each subject, declared once: what training and serving compute and the docs show."""

from dataclasses import dataclass
from typing import Final, Literal

from quant.ml.catalogue import Subject

# Raised with every change of what the files of features hold or of how their bytes are written.
FEATURE_VERSION: Final = 1

type Kind = Literal["number", "category", "flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column.

    Attributes:
        name: Of the column.
        title: In a few words.
        formula: How it is computed.
        as_of_rule: What makes it known at the end of ``as_of``.
        kind: Categories are codes: places in ``categories``. Flags are 0 and 1.
        categories: Of a category.
    """

    name: str
    title: str
    formula: str
    as_of_rule: str
    kind: Kind = "number"
    categories: tuple[str, ...] = ()


FEATURES: Final[dict[Subject, tuple[Feature, ...]]] = {subject: () for subject in Subject}
