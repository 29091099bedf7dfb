"""Methods of the backtests."""

from typing import Final

from quant.methods import Method, Source
from quant.methods.sources import FAMA_1998, NEWEY_WEST

_LO: Final = Source(
    citation="Lo (2002), The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4)",
    url="https://doi.org/10.2469/faj.v58.n4.2453",
)

PORTFOLIO: Final = Method(
    id="backtest.portfolio",
    version="1",
    title="Overlapping calendar-time portfolio that copies disclosed trades",
    estimates="The value of one dollar of a follower who copies the disclosed trades of a group "
    "after they became public.",
    estimator="Each trade opens a position at the close of the lag-th trading day after its "
    "disclosure day and closes it after the holding period. Weights are the amounts of the open "
    "positions over their sum, rebalanced at each close; a day's return comes from the weights of "
    "the close before. Costs are a share of the distance from drifted to new weights.",
    assumptions=(
        "Positions open and close at the adjusted close, of which dividends are part.",
        "Where a ticker has no close its last one stays; where it never has another, to the end of "
        "the holding period.",
        "What is not invested earns the risk-free rate, nothing on days for which it is not known.",
        "Sales, where they are copied, are sold short without a fee for borrowing.",
        "Capacity is held against the capital at the start, not against what it has grown to.",
    ),
    standard_errors="Of the mean return: Newey-West. Of the hit rate: clustered by the month in "
    "which a position opened.",
    null=None,
    multiple_testing=None,
    limits=(
        "Committees are those of today: who sits on them was not known when the trades were made.",
        "Tickers without prices are left out, among them those of many companies that failed.",
        "It describes the past and is no investment advice.",
    ),
    sources=(
        Source(
            citation="Jegadeesh and Titman (1993), Returns to Buying Winners and Selling Losers, "
            "Journal of Finance 48",
            url="https://doi.org/10.1111/j.1540-6261.1993.tb04702.x",
        ),
        FAMA_1998,
        NEWEY_WEST,
    ),
)

SHARPE: Final = Method(
    id="backtest.sharpe_ratio",
    version="1",
    title="Sharpe ratio",
    estimates="Mean over standard deviation of the returns in excess of the risk-free rate, per "
    "year.",
    estimator="Daily ratio times the square root of 252.",
    assumptions=(
        "Returns are stationary with finite fourth moments.",
        "The square root of 252 annualises a ratio of independent returns; the autocorrelation "
        "beside it says how far they are from that.",
    ),
    standard_errors="Delta method with a Newey-West covariance of mean and variance; beside it "
    "those for independent normal returns (Lo 2002) and for independent ones (Mertens 2002).",
    null="The true ratio is at most zero (one-sided).",
    multiple_testing="None: see the deflated Sharpe ratio and the familywise p-value.",
    limits=("Two numbers for a distribution: it does not see the order of losses.",),
    sources=(
        _LO,
        Source(
            citation="Mertens (2002), Comments on variance of the IID estimator in Lo (2002), "
            "University of Basel"
        ),
        Source(
            citation="Opdyke (2007), Comparing Sharpe ratios: so where are the p-values?, Journal "
            "of Asset Management 8",
            url="https://doi.org/10.1057/palgrave.jam.2250084",
        ),
        NEWEY_WEST,
    ),
)

DEFLATED: Final = Method(
    id="backtest.deflated_sharpe_ratio",
    version="1",
    title="Deflated Sharpe ratio",
    estimates="Probability that the true Sharpe ratio is above what luck gives the best of all "
    "trials; the probabilistic Sharpe ratio is the same against zero.",
    estimator="Normal distribution function of the ratio less the expected greatest of N without "
    "skill, over the standard error of independent returns. N is the number of configurations that "
    "the platform's sweep covers for the same group (lags, holding periods, weightings), unless "
    "another is given; the variance of the ratios over trials is that of the sweep.",
    assumptions=(
        "Returns of a trial are independent from day to day.",
        "Ratios of the trials are normal with equal means under the null hypothesis.",
    ),
    standard_errors=None,
    null="The true ratio is at most the expected greatest of N without skill.",
    multiple_testing="Deflated by N. Conservative where trials are independent of each other.",
    limits=(
        "It knows of the sweep's trials, not of the groups a reader has looked at before; give "
        "their number as `trials`.",
    ),
    sources=(
        Source(
            citation="Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio, Journal of "
            "Portfolio Management 40(5)",
            url="https://doi.org/10.3905/jpm.2014.40.5.094",
        ),
        Source(
            citation="Bailey and Lopez de Prado (2012), The Sharpe Ratio Efficient Frontier, "
            "Journal of Risk 15(2)",
            url="https://doi.org/10.21314/JOR.2012.255",
        ),
    ),
)

FAMILYWISE: Final = Method(
    id="backtest.familywise_p_value",
    version="1",
    title="p-value corrected for the configurations tried",
    estimates="How often the best of the sweep would reach this ratio if none had skill.",
    estimator="Greatest studentised change of the sweep's Sharpe ratios in 999 draws of the "
    "stationary bootstrap, mean block the cube root of the number of days, compared with the "
    "studentised ratio.",
    assumptions=("Returns are stationary.",),
    standard_errors=None,
    null="No configuration of the sweep has a true ratio above zero.",
    multiple_testing="Familywise error rate over the sweep's configurations, however dependent.",
    limits=("As of the deflated Sharpe ratio: it knows of the sweep's configurations alone.",),
    sources=(
        Source(
            citation="White (2000), A Reality Check for Data Snooping, Econometrica 68",
            url="https://doi.org/10.1111/1468-0262.00152",
        ),
        Source(
            citation="Romano and Wolf (2005), Stepwise Multiple Testing as Formalized Data "
            "Snooping, Econometrica 73",
            url="https://doi.org/10.1111/j.1468-0262.2005.00615.x",
        ),
        Source(
            citation="Politis and Romano (1994), The Stationary Bootstrap, Journal of the American "
            "Statistical Association 89",
            url="https://doi.org/10.1080/01621459.1994.10476870",
        ),
    ),
)

BENCHMARK: Final = Method(
    id="backtest.benchmark",
    version="1",
    title="Comparison with a benchmark over the same days",
    estimates="Active return, information ratio, and alpha and beta of the CAPM.",
    estimator="Mean of the daily differences; its Sharpe ratio; least squares of the excess return "
    "on a constant and the benchmark's excess return.",
    assumptions=("The benchmark is one that a follower could hold at no cost.",),
    standard_errors="Newey-West; of the information ratio as of the Sharpe ratio.",
    null="The active return, or alpha, is zero (two-sided).",
    multiple_testing="None: the p-values are those of the one configuration asked for, however "
    "many were looked at before it.",
    limits=("Alpha is what the CAPM does not explain, not skill.",),
    sources=(
        Source(
            citation="Jensen (1968), The Performance of Mutual Funds in the Period 1945-1964, "
            "Journal of Finance 23",
            url="https://doi.org/10.1111/j.1540-6261.1968.tb00815.x",
        ),
        NEWEY_WEST,
    ),
)

METHODS: Final = (PORTFOLIO, SHARPE, DEFLATED, FAMILYWISE, BENCHMARK)
