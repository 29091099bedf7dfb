"""Methods of the detectors of unusual trades."""

from typing import Final

from quant.methods import Method, Source
from quant.methods.sources import (
    BENJAMINI_HOCHBERG,
    COMMITTEE_JURISDICTIONS,
    LANCASTER,
    SKELLAM,
    WILSON,
)
from quant.stock_act import FILING_DEADLINE_DAYS, SOURCE, SOURCE_URL

_CONFORMAL: Final = Source(
    citation="Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, Springer",
    url="https://doi.org/10.1007/b106715",
)
_NO_FINDING: Final = (
    "A small p-value says that numbers differ from the stated null, not why: it is no finding "
    "about a person, and says of nobody that they did wrong."
)

SIZE: Final = Method(
    id="anomalies.size",
    version="1",
    title="Unusual size",
    estimates="How far the disclosed amount of a trade is from the member's earlier ones.",
    estimator="The logarithm of the geometric middle of the disclosed range, less the median of "
    "the member's trades disclosed before, in their standard deviations (at least 0.5). Tested are "
    "trades with at least 20 before. The p-value of a trade is the rank of this score among the "
    "peers' scores that were public by then, ties against the trade; beside it stands the rank of "
    "the amount among the member's own earlier trades.",
    assumptions=(
        "Of a trade: its score is exchangeable with those of the peers, members of the same "
        "chamber.",
        "Of the member: the sizes of the member's trades are exchangeable; a member whose trades "
        "grow over the years is unusual in this sense.",
    ),
    standard_errors="None: p-values are ranks (conformal).",
    null="Of a trade: its score is exchangeable with the peers'. Of the member: the sizes are "
    "exchangeable; by the higher criticism of the smoothed ranks among the member's own earlier "
    "trades, which are independent and uniform then, ties broken by a number that the trade's "
    "identifier fixes.",
    multiple_testing="Benjamini-Hochberg over the member's trades tested.",
    limits=(
        "Amounts are ranges: an unusual amount within a range cannot be seen.",
        "A category without an upper bound counts with its lower bound.",
        "Trades whose disclosure day is unknown are neither tested nor compared with.",
        _NO_FINDING,
    ),
    sources=(
        _CONFORMAL,
        Source(
            citation="Bates, Candes, Lei, Romano and Sesia (2023), Testing for Outliers with "
            "Conformal p-Values, Annals of Statistics 51",
            url="https://doi.org/10.1214/22-AOS2244",
        ),
        Source(
            citation="Donoho and Jin (2004), Higher Criticism for Detecting Sparse Heterogeneous "
            "Mixtures, Annals of Statistics 32",
            url="https://doi.org/10.1214/009053604000000265",
        ),
        BENJAMINI_HOCHBERG,
    ),
)

TIMING: Final = Method(
    id="anomalies.timing",
    version="1",
    title="Timing before large moves",
    estimates="The abnormal return over the 5 and 21 trading days after a transaction, signed by "
    "its side.",
    estimator="Logarithmic return of the ticker less that of the benchmark, from the close of the "
    "transaction's day, times 1 for a purchase and -1 for a sale. The p-value of a trade is its "
    "rank among all windows of the same ticker that closed no later, at least 252 of them. "
    "Hindsight: it is known at the close of the window, which it is dated by.",
    assumptions=(
        "Of a trade: its window is exchangeable with the ticker's earlier ones, which fails where "
        "volatility has changed for good.",
        "Of the member: abnormal returns are stationary over the days of the prices.",
    ),
    standard_errors="None: p-values are ranks. Overlapping windows and trades of one day are "
    "dependent, which the shift of dates keeps.",
    null="Of the member: the windows after the member's transactions are no better than those at "
    "other times. All transactions are shifted together by every possible number of trading days, "
    "around the end of the prices; the statistic is Fisher's, of the ranks, summed over both "
    "horizons.",
    multiple_testing="Benjamini-Hochberg over the member's windows tested, of both horizons.",
    limits=(
        "It is measured from the transaction, which nobody but the filer knew: it is not what a "
        "follower could earn.",
        "Tickers without prices are left out, as are assets that are not stock.",
        _NO_FINDING,
    ),
    sources=(
        Source(
            citation="Politis and Romano (1992), A Circular Block-Resampling Procedure for "
            "Stationary Data, in Exploring the Limits of Bootstrap, Wiley",
        ),
        Source(citation="Fisher (1925), Statistical Methods for Research Workers, Oliver and Boyd"),
        BENJAMINI_HOCHBERG,
    ),
)

CLUSTERING: Final = Method(
    id="anomalies.clustering",
    version="1",
    title="Bursts of trading days",
    estimates="Spells in which a member traded on more days than usual.",
    estimator="Scan statistic: the greatest log-likelihood ratio over all windows of 2, 3, 5, 10 "
    "and 21 weekdays. Counted are days with a transaction, not transactions, as those of one day "
    "are mostly one decision.",
    assumptions=(
        "Within a calendar year each weekday is as likely to have a transaction as any other.",
    ),
    standard_errors="None: the p-value is by permutation.",
    null="Within each calendar year the active days are a random sample of the weekdays between "
    "the member's first and last transaction; 999 permutations, ties counting half.",
    multiple_testing="The p-value is against the maximum over all windows of each permutation, "
    "which corrects for all places and lengths.",
    limits=(
        "Second and later bursts have conservative p-values.",
        "Recesses, earnings seasons and market turmoil move many members at once: a burst is not "
        "peculiar to the member for that.",
        _NO_FINDING,
    ),
    sources=(
        Source(
            citation="Kulldorff (1997), A Spatial Scan Statistic, Communications in Statistics 26",
            url="https://doi.org/10.1080/03610929708831995",
        ),
        Source(
            citation="Nagarwalla (1996), A Scan Statistic with a Variable Window, Statistics in "
            "Medicine 15",
        ),
    ),
)

LATENESS: Final = Method(
    id="anomalies.lateness",
    version="1",
    title="Late filing",
    estimates=f"The share of filings with a transaction disclosed more than {FILING_DEADLINE_DAYS} "
    "days after it.",
    estimator="Late filings over filings; filings of one member and day count as one. The p-value "
    "of a trade is the rank of its delay among those of peers' trades that were public by then.",
    assumptions=(
        "The propensities of the peers, members of the same chamber, have a beta distribution, and "
        "the member's is one more draw of it.",
    ),
    standard_errors="Wilson interval of the share, 95 %.",
    null="The member's propensity to file late is one more draw of the peers': one-sided "
    "predictive mid-p-value under their beta-binomial distribution. Beside it stands the "
    "hypergeometric one, which takes members for alike.",
    multiple_testing="Benjamini-Hochberg over the member's trades tested.",
    limits=(
        "An extension that the ethics office granted cannot be seen, nor a deadline moved by a "
        "weekend or holiday.",
        "The earlier deadline, 30 days after notification, is not used: most sources do not say "
        "when the filer was notified.",
        "The day of disclosure is the day of filing, where the source has it.",
        _NO_FINDING,
    ),
    sources=(
        Source(citation=f"STOCK Act, Pub. L. 112-105, section 6; {SOURCE}", url=SOURCE_URL),
        WILSON,
        SKELLAM,
        LANCASTER,
    ),
)

COMMITTEES: Final = Method(
    id="anomalies.committees",
    version="1",
    title="Trades in sectors under the member's committees",
    estimates="The share of trades in sectors that the chamber's rules assign to a committee the "
    "member sits on, beside that of peers without such a seat.",
    estimator="Trades in such sectors over trades whose sector is known.",
    assumptions=(
        "Peers' propensities have a beta distribution, and the member's is one more draw.",
    ),
    standard_errors="Wilson interval of the share, 95 %, which takes trades for independent.",
    null="The member's propensity is one more draw of the peers': one-sided predictive mid-p-value "
    "under their beta-binomial distribution.",
    multiple_testing="Benjamini-Hochberg over the members of all chambers tested.",
    limits=(
        "Seats are those of today: who sat on a committee when a trade was made is not known.",
        "Sectors are wider than jurisdictions.",
        _NO_FINDING,
    ),
    sources=(
        COMMITTEE_JURISDICTIONS,
        LANCASTER,
    ),
)

COMBINED: Final = Method(
    id="anomalies.combined",
    version="1",
    title="Combination of the detectors",
    estimates="Whether anything about the member's trades is unusual, over all detectors.",
    estimator="Cauchy combination of the detectors' p-values, equally weighted; those above 0.99 "
    "count as 0.99.",
    assumptions=("Each detector's p-value is uniform under its null hypothesis.",),
    standard_errors=None,
    null="No detector has anything to find. Exact for independent p-values, and in the tail "
    "whatever their dependence.",
    multiple_testing="Benjamini-Hochberg over the detectors, for which of them it is.",
    limits=(_NO_FINDING,),
    sources=(
        Source(
            citation="Liu and Xie (2020), Cauchy Combination Test, Journal of the American "
            "Statistical Association 115",
            url="https://doi.org/10.1080/01621459.2018.1554485",
        ),
        Source(
            citation="Fang, Chang, Park and Tseng (2023), Heavy-Tailed Distribution for Combining "
            "Dependent p-Values with Asymptotic Robustness, Statistica Sinica 33",
        ),
        BENJAMINI_HOCHBERG,
    ),
)

METHODS: Final = (SIZE, TIMING, CLUSTERING, LATENESS, COMMITTEES, COMBINED)
