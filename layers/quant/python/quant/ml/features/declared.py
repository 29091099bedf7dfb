"""The features of each subject, declared once: what training and serving compute and docs show."""

from typing import Final

from quant.ml.catalogue import Subject
from quant.ml.features import disclosure, pairs, politician
from quant.ml.features.feature import FEATURE_VERSION, Feature, Kind, Part

__all__ = ["FEATURES", "FEATURE_VERSION", "Feature", "Kind", "Part"]

FEATURES: Final[dict[Subject, tuple[Feature, ...]]] = {
    Subject.DISCLOSURE: disclosure.FEATURES,
    Subject.TICKER_PAIR: pairs.TICKER_FEATURES,
    Subject.SECTOR_PAIR: pairs.SECTOR_FEATURES,
    Subject.POLITICIAN: politician.FEATURES,
}
