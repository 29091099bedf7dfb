"""What published studies find, as their abstracts state it; returns are fractions.

Read: the abstract of Belmont, Sacerdote, Sehgal and Van Hoek (2022); that of their working paper as
Roll Call reported it on 2020-04-24; the abstracts of the older three. Not read, for want of access:
the full texts, so that no table of theirs is compared here.
"""

from dataclasses import dataclass
from typing import Final

from study import HOUSE, PUBLISHED

from quant.reports.performance_legs import Leg

ARTICLE: Final = "article"
WORKING_PAPER: Final = "working paper"


@dataclass(frozen=True)
class Value:
    """A published mean abnormal return, beside the population and horizon that come closest."""

    source: str
    population: str
    leg: Leg
    months: int
    horizon: int
    value: float


# Of the House over six months (article); of senators over 1, 3 and 6 months, against stocks of the
# same industry and size (working paper).
VALUES: Final = (
    Value(WORKING_PAPER, PUBLISHED, Leg.PURCHASES, 1, 21, -0.0011),
    Value(WORKING_PAPER, PUBLISHED, Leg.PURCHASES, 3, 63, -0.0028),
    Value(WORKING_PAPER, PUBLISHED, Leg.PURCHASES, 6, 126, -0.0017),
    Value(ARTICLE, HOUSE, Leg.PURCHASES, 6, 126, -0.0026),
    Value(ARTICLE, HOUSE, Leg.SALES, 6, 126, -0.0011),
)
# Ziobrowski et al. (2004): senators' purchases of 1993 to 1998, a month.
ZIOBROWSKI_MONTHLY: Final = 0.0085

REFERENCES: Final = (
    "Belmont, Sacerdote, Sehgal and Van Hoek (2022), Do senators and house members beat the stock "
    "market? Evidence from the STOCK Act, Journal of Public Economics 207, 104602, "
    "[doi:10.1016/j.jpubeco.2022.104602](https://doi.org/10.1016/j.jpubeco.2022.104602). "
    "Transactions of January 2012 to December 2020; no evidence of superior performance, of "
    "members at large or of senators accused of informed trading; over six months stocks that "
    "House members bought did worse by 26 basis points, those sold by 11; returns at the 95th and "
    "99th percentile are those of picks at random. The authors do not rule out single informed "
    "trades.",
    "Belmont, Sacerdote and Van Hoek (2020), Relief Rally: Senators As Feckless As the Rest of Us "
    "at Stock Picking, NBER Working Paper 26975. Senators, 2012 to March 2020: stocks bought did "
    "worse than those of the same industry and size by 11, 28 and 17 basis points over 1, 3 and 6 "
    "months; stocks sold did slightly worse up to three months and slightly better after a year.",
    "Ziobrowski, Cheng, Boyd and Ziobrowski (2004), Abnormal Returns from the Common Stock "
    "Investments of the U.S. Senate, Journal of Financial and Quantitative Analysis 39(4). Before "
    "the STOCK Act: a portfolio of senators' purchases of 1993 to 1998 beat the market by 85 basis "
    "points a month, one of their sales lagged it by 12.",
    "Ziobrowski, Boyd, Cheng and Ziobrowski (2011), Abnormal Returns From the Common Stock "
    "Investments of Members of the U.S. House of Representatives, Business and Politics 13(1). "
    "House members' purchases of 1985 to 2001: 55 basis points a month.",
    "Eggers and Hainmueller (2013), Capitol Losses: The Mediocre Performance of Congressional "
    "Stock Portfolios, Journal of Politics 75(2). Neither in 1985 to 2001 nor in 2004 to 2008 did "
    "members trade with an informational advantage; the average member would have earned more in "
    "an index fund.",
)
