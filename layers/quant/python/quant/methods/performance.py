"""Methods of abnormal returns after disclosed trades."""

from typing import Final

from quant.methods import Method, Source
from quant.methods.sources import (
    BENJAMINI_HOCHBERG,
    CATEGORIES_OF_VALUE,
    FAMA_1998,
    MACKINLAY,
    NEWEY_WEST,
)

_BARBER_LYON: Final = Source(
    citation="Barber and Lyon (1997), Detecting long-run abnormal stock returns, Journal of "
    "Financial Economics 43",
    url="https://doi.org/10.1016/S0304-405X(96)00890-2",
)
_KOTHARI_WARNER: Final = Source(
    citation="Kothari and Warner (2007), Econometrics of Event Studies, Handbook of Corporate "
    "Finance 1",
    url="https://doi.org/10.1016/B978-0-444-53265-7.50015-9",
)
_FAMA_FRENCH: Final = Source(
    citation="Fama and French (1993), Common risk factors in the returns on stocks and bonds, "
    "Journal of Financial Economics 33",
    url="https://doi.org/10.1016/0304-405X(93)90023-5",
)

_ENTRY: Final = (
    "From disclosure a window begins at the close of the first trading day after the disclosure "
    "day, what a follower can earn; from the transaction at the close of its own day, what the "
    "filer did earn."
)
_ERRORS: Final = (
    "Clustered in two ways, by politician and by day of the return; for a single politician by "
    "ticker and by day. None with fewer than five clusters in either."
)
_CORRECTED: Final = (
    "Benjamini-Hochberg: for a politician over all politicians at the same leg and horizon (with "
    "equal weights), for groups over all groups, legs and horizons of the answer."
)
_WHOLE_WINDOWS: Final = (
    "A window counts whole or not at all: one that is still open, or in which a price is missing, "
    "is left out and counted by its reason."
)
_PRICED: Final = (
    "Tickers without prices are left out, among them those of many companies that failed or were "
    "bought."
)
_PAST: Final = "Past returns do not tell future ones; this is no investment advice."

CAR: Final = Method(
    id="performance.car",
    version="1",
    title="Cumulative abnormal return",
    estimates="By how much the stock traded returned more than expected, on average over trades, "
    "within 1, 5, 21, 63, 126 and 252 trading days.",
    estimator="Weighted mean over trades of the sum of daily returns less expected ones. Of "
    "purchases and of sales the return is that of the stock; of all trades in their own direction "
    "(`signed`) that of sales counts negative; the difference is the mean of purchases less that "
    "of sales, from one regression. " + _ENTRY,
    assumptions=(
        "Adjusted closes, of which dividends are part, are prices that could be had.",
        "The model of expected returns is right on average.",
        _WHOLE_WINDOWS,
    ),
    standard_errors=_ERRORS,
    null="The mean is zero (two-sided, Student's t with one degree of freedom less than the "
    "smaller effective number of clusters).",
    multiple_testing=_CORRECTED,
    limits=(
        "What returns of different days and politicians (tickers) share is not in the standard "
        "error.",
        "The sum is no return that anybody could hold.",
        _PRICED,
        _PAST,
    ),
    sources=(MACKINLAY, _KOTHARI_WARNER),
)

BHAR: Final = Method(
    id="performance.bhar",
    version="1",
    title="Buy-and-hold abnormal return",
    estimates="By how much buying the stock traded and holding it returned more than expected, on "
    "average over trades.",
    estimator="Weighted mean over trades of the compounded return less the compounded expected "
    "return. " + _ENTRY,
    assumptions=CAR.assumptions,
    standard_errors=_ERRORS,
    null="The mean is zero (two-sided, Student's t with one degree of freedom less than the "
    "smaller effective number of clusters).",
    multiple_testing=_CORRECTED,
    limits=(
        "Compounding skews it to the right: over long horizons, tests with few trades find too few "
        "positive and too many negative means.",
        CAR.limits[0],
        _PRICED,
        _PAST,
    ),
    sources=(_BARBER_LYON, _KOTHARI_WARNER),
)

MARKET_ADJUSTED: Final = Method(
    id="performance.market_adjusted",
    version="1",
    title="Market-adjusted expected return",
    estimates="What a stock was expected to return: what the benchmark did.",
    estimator="The benchmark's return on the same days.",
    assumptions=("Every stock moves with the benchmark one to one.",),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=(
        "A stock that is riskier than the benchmark has a positive abnormal return in good times.",
    ),
    sources=(MACKINLAY,),
)

MARKET_MODEL: Final = Method(
    id="performance.market_model",
    version="1",
    title="Expected return of the market model",
    estimates="What a stock was expected to return, given the benchmark.",
    estimator="alpha + beta times the benchmark's return, by least squares for each trade on the "
    "252 trading days that end 22 days before entry, at least 126 of them with a return.",
    assumptions=(
        "Alpha and beta are what they were in the year before.",
        "What happened in the year before entry will not go on: alpha is part of what is expected.",
    ),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=(
        "A stock bought after it had risen has a high alpha, and a negative abnormal return where "
        "it merely stops rising.",
        "Trades within about six months of a ticker's first price are left out.",
    ),
    sources=(MACKINLAY,),
)

FAMA_FRENCH: Final = Method(
    id="performance.fama_french",
    version="1",
    title="Expected return of the Fama-French three-factor model",
    estimates="What a stock was expected to return, given the market, size and value factors.",
    estimator="Risk-free rate + alpha + loadings on market, SMB and HML, by least squares for each "
    "trade on the 252 trading days that end 22 days before entry, at least 126 of them with a "
    "return.",
    assumptions=MARKET_MODEL.assumptions,
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=(
        *MARKET_MODEL.limits,
        "Days that the factors do not reach are not measured; `windows` counts the trades.",
    ),
    sources=(
        _FAMA_FRENCH,
        Source(
            citation="Kenneth R. French, data library, Fama/French 3 Factors",
            url="https://mba.tuck.dartmouth.edu/pages/faculty/ken.french/data_library.html",
        ),
    ),
)

CLUSTERED_ERRORS: Final = Method(
    id="performance.clustered_errors",
    version="1",
    title="Standard errors clustered in two ways",
    estimates="How far a mean abnormal return can be from the true one, where trades of one "
    "politician, and windows that share a day, have something in common.",
    estimator="A regression with one row for each day of each trade's window: the variance "
    "clustered by politician (for a single politician: by ticker) plus that clustered by day less "
    "that clustered by both, each times G / (G - 1) (n - 1) / (n - k). Where the sum is not "
    "positive, the greater of the first two; with fewer than eight effective clusters the greatest "
    "of the three.",
    assumptions=(
        "Returns of different days of different politicians (tickers) are independent: one day's "
        "returns do not foretell the next one's.",
        "There are many clusters. Where some outweigh the others, their effective number counts: "
        "that of clusters of one size which would weigh alike.",
    ),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=(
        "With few clusters the test is rough, and by the greatest variance errs on the safe side; "
        "below five of either kind there is none.",
    ),
    sources=(
        Source(
            citation="Cameron, Gelbach and Miller (2011), Robust Inference With Multiway "
            "Clustering, Journal of Business & Economic Statistics 29",
            url="https://doi.org/10.1198/jbes.2010.07136",
        ),
        Source(
            citation="Carter, Schnepel and Steigerwald (2017), Asymptotic Behavior of a t-Test "
            "Robust to Cluster Heterogeneity, Review of Economics and Statistics 99",
            url="https://doi.org/10.1162/REST_a_00639",
        ),
        Source(
            citation="MacKinnon, Nielsen and Webb (2021), Wild Bootstrap and Asymptotic Inference "
            "With Multiway Clustering, Journal of Business & Economic Statistics 39",
            url="https://doi.org/10.1080/07350015.2019.1677473",
        ),
    ),
)

BOOTSTRAP: Final = Method(
    id="performance.bootstrap",
    version="1",
    title="Wild cluster bootstrap interval",
    estimates="Where the mean cumulative abnormal return lies, whatever the distribution.",
    estimator="Bootstrap-t: the residuals of each politician (for a single politician: of each "
    "ticker) times one random sign, of six points with fewer than 12 of them; the statistic is "
    "studentised by the two-way standard error. 999 draws for a politician, 399 for groups, none "
    "for committees and for differences. The draws depend on what is asked alone, so that answers "
    "repeat.",
    assumptions=("As of the clustered errors, but for the number of clusters.",),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=("It cannot make up for clusters that differ much in size.",),
    sources=(
        Source(
            citation="Cameron, Gelbach and Miller (2008), Bootstrap-Based Improvements for "
            "Inference with Clustered Errors, Review of Economics and Statistics 90",
            url="https://doi.org/10.1162/rest.90.3.414",
        ),
        Source(
            citation="Davidson and MacKinnon (2000), Bootstrap tests: how many bootstraps?, "
            "Econometric Reviews 19",
            url="https://doi.org/10.1080/07474930008800459",
        ),
    ),
)

WEIGHTS: Final = Method(
    id="performance.weights",
    version="1",
    title="Weights of disclosed ranges, and their bounds",
    estimates="How much a trade counts whose amount is known as a range, and what the ranges leave "
    "open.",
    estimator="Each trade alike; or the midpoint of its range; or the mean of an amount whose "
    "logarithm is uniform over it, (b - a) / ln(b / a). The bounds are the least and greatest mean "
    "weighted by dollars that amounts within their ranges could give, whatever the weighting.",
    assumptions=(
        "The bounds assume nothing but the ranges; the weights are conventions.",
        "A range without an upper end counts with its lower one, in the bounds too.",
    ),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=("The bounds say nothing of sampling: they are no confidence interval.",),
    sources=(
        CATEGORIES_OF_VALUE,
        Source(
            citation="Charnes and Cooper (1962), Programming with linear fractional functionals, "
            "Naval Research Logistics Quarterly 9",
            url="https://doi.org/10.1002/nav.3800090303",
        ),
    ),
)

CALENDAR_TIME: Final = Method(
    id="performance.calendar_time",
    version="1",
    title="Alpha of calendar-time portfolios",
    estimates="By how much the portfolio of what was bought, of what was sold, and the first less "
    "the second returned more than expected, per year.",
    estimator="A portfolio holds the stock of every trade for 21, 63 or 252 trading days after "
    "entry, with the weights of the close before. Its return, by day and compounded by month, is "
    "regressed on a constant and the model's factors; alpha is the constant times 252 or 12. "
    "Market-adjusted, it is the mean of the return less the benchmark's.",
    assumptions=(
        "Loadings are constant over the whole span.",
        "Weights are restored each day, which costs nothing.",
    ),
    standard_errors="Newey-West with lags 4 (T / 100)^(2/9), times T / (T - k); Student's t with "
    "0.9 T / (lags + 1) degrees of freedom. None with fewer than 126 days or 36 months.",
    null="Alpha is zero (two-sided).",
    multiple_testing="Benjamini-Hochberg over all alphas of the answer, those by day and those by "
    "month apart.",
    limits=(
        "A time with many trades counts no more than one with few, so that it says less about what "
        "happens after a trade than an event study does.",
        "Periods in which nothing was held are left out.",
        _PRICED,
        _PAST,
    ),
    sources=(
        Source(
            citation="Jaffe (1974), Special Information and Insider Trading, Journal of Business "
            "47",
        ),
        FAMA_1998,
        _FAMA_FRENCH,
        NEWEY_WEST,
    ),
)

GROUPS: Final = Method(
    id="performance.groups",
    version="1",
    title="Abnormal returns of groups, and differences between them",
    estimates="Whether the trades of a party, a chamber or a committee's members were followed by "
    "abnormal returns, and whether two groups differ.",
    estimator="The means over a group's trades. The difference of two is from one regression on "
    "both, so that what their members share on a day counts once. Committees overlap: each is "
    "compared with everybody else, all trades in their own direction.",
    assumptions=("As of the abnormal returns.",),
    standard_errors="Clustered by politician and by day of the return.",
    null="The mean, or the difference of two, is zero (two-sided).",
    multiple_testing="Benjamini-Hochberg over all groups (comparisons), legs and horizons of the "
    "answer, for CAR and for BHAR apart; differences are of CAR.",
    limits=(
        "Committees are those of today, without their subcommittees: who sat on one when a trade "
        "was made is not known.",
        "A mean over trades is mostly about those who trade much.",
    ),
    sources=(BENJAMINI_HOCHBERG,),
)

POLITICIANS: Final = Method(
    id="performance.politicians",
    version="1",
    title="Politicians ranked by abnormal return",
    estimates="Whose trades, each in its own direction, were followed by abnormal returns.",
    estimator="The mean cumulative abnormal return of a politician's trades, that of sales "
    "negative; ranked by the lower end of its 95 % interval, the highest first.",
    assumptions=("As of the cumulative abnormal return.",),
    standard_errors="Clustered by ticker and by day of the return. None with fewer than five of "
    "either: who has fewer is not ranked.",
    null="The politician's mean is zero (two-sided).",
    multiple_testing="Benjamini-Hochberg over all politicians who could be tested, whose number is "
    "given; at each horizon apart.",
    limits=(
        "Somebody comes first even where nobody has skill: the q-value, not the rank, says whether "
        "a mean differs from zero.",
        _PAST,
    ),
    sources=(
        BENJAMINI_HOCHBERG,
        Source(
            citation="Barras, Scaillet and Wermers (2010), False Discoveries in Mutual Fund "
            "Performance, Journal of Finance 65",
            url="https://doi.org/10.1111/j.1540-6261.2009.01527.x",
        ),
    ),
)

METHODS: Final = (
    CAR,
    BHAR,
    MARKET_ADJUSTED,
    MARKET_MODEL,
    FAMA_FRENCH,
    CLUSTERED_ERRORS,
    BOOTSTRAP,
    WEIGHTS,
    CALENDAR_TIME,
    GROUPS,
    POLITICIANS,
)
