"""By what the weeks of members are compared."""

from enum import StrEnum


class Measure(StrEnum):
    """What is counted in each week."""

    TRADES = "trades"
    NET_PURCHASES = "net_purchases"  # purchases less sales


class Coefficient(StrEnum):
    """Which correlation."""

    PEARSON = "pearson"
    SPEARMAN = "spearman"
