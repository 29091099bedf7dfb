"""Methods of the relations between members."""

from typing import Final

from quant.methods import Method, Source
from quant.methods.sources import BENJAMINI_HOCHBERG, COMMITTEE_JURISDICTIONS, LANCASTER, SKELLAM

_BLOCKS: Final = (
    Source(
        citation="Kunsch (1989), The Jackknife and the Bootstrap for General Stationary "
        "Observations, Annals of Statistics 17",
        url="https://doi.org/10.1214/aos/1176347265",
    ),
    Source(
        citation="Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78",
        url="https://doi.org/10.1093/biomet/78.2.301",
    ),
)
_NO_FINDING: Final = (
    "A relation is between numbers: common news, brokers, advisers or markets make one, too. It is "
    "no finding about a person, and says of nobody that they knew of the other's trades."
)
_SURROGATE_NULL: Final = (
    "The two members' weeks have nothing to do with each other: the other's weeks are put together "
    "in another order of six to ten blocks, of half a year where the weeks allow, cut at a random "
    "place of the circle. "
    "{statistic} Mid-p-value; 499 surrogates, more where few of them are at least as extreme."
)
_PAIRS: Final = "Benjamini-Hochberg over the pairs tested in the answer."

NETWORK: Final = Method(
    id="relations.network",
    version="1",
    title="Statistically validated co-trading network",
    estimates="Which pairs of members traded the same stocks on the same side in the same window "
    "more often than their own stocks and their own busy windows explain.",
    estimator="The number of different stocks (and sides) that both traded in the same window at "
    "least once. Its distribution under the null is Poisson-binomial; the mid-p-value is of its "
    "upper tail. A link is a pair with both q-values at most 0.05.",
    assumptions=(
        "Each member trades each stock as often, and is as busy in each window, as observed on "
        "average over the random tables (maximum entropy).",
        "Stocks meet independently of each other, given these margins; the second q-value does "
        "without.",
    ),
    standard_errors="Standard deviation of the number under the null.",
    null="Bipartite configuration model of each member's table of stocks by windows. The "
    "hypergeometric null of Tumminello et al., which takes all events for alike, stands beside it "
    "and decides nothing.",
    multiple_testing="Benjamini-Hochberg over all pairs that can have traded together: who share a "
    "stock and a window at all; and, as members trade baskets of stocks, the rate of false links "
    "in up to 199 networks in which each member's windows are turned around the circle by a random "
    "number (Tusher et al.). The Bonferroni correction stands beside them.",
    limits=(
        "Market turmoil in one stock moves many members in the same window, which the margins of "
        "single members do not hold.",
        "Members without a ticker in their filings, or with few trades, have no links.",
        "Windows are fixed: trades a day apart may be in different ones.",
        _NO_FINDING,
    ),
    sources=(
        Source(
            citation="Tumminello, Micciche, Lillo, Piilo and Mantegna (2011), Statistically "
            "Validated Networks in Bipartite Complex Systems, PLoS ONE 6",
            url="https://doi.org/10.1371/journal.pone.0017994",
        ),
        Source(
            citation="Saracco, Straka, Di Clemente, Gabrielli, Caldarelli and Squartini (2017), "
            "Inferring monopartite projections of bipartite networks: an entropy-based approach, "
            "New Journal of Physics 19",
            url="https://doi.org/10.1088/1367-2630/aa6b38",
        ),
        Source(
            citation="Vallarano, Bruno, Marchese, Trapani, Saracco, Cimini, Zanon and Squartini "
            "(2021), Fast and scalable likelihood maximization for Exponential Random Graph Models "
            "with local constraints, Scientific Reports 11",
            url="https://doi.org/10.1038/s41598-021-93830-4",
        ),
        Source(
            citation="Tusher, Tibshirani and Chu (2001), Significance analysis of microarrays "
            "applied to the ionizing radiation response, Proceedings of the National Academy of "
            "Sciences 98",
            url="https://doi.org/10.1073/pnas.091062498",
        ),
        LANCASTER,
        BENJAMINI_HOCHBERG,
    ),
)

CENTRALITY: Final = Method(
    id="relations.centrality",
    version="1",
    title="Centralities",
    estimates="How a member is placed in the network of links.",
    estimator="Degree over the number of other members; betweenness, the share of shortest paths "
    "through the member; closeness with the correction of Wasserman and Faust; eigenvector "
    "centrality of unit norm in the component with the greatest eigenvalue, 0 elsewhere.",
    assumptions=("The links are those of the network: each link counts the same.",),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=(
        "Links come and go with the false discovery rate, and with them the centralities: they "
        "describe the network and are not tested.",
        _NO_FINDING,
    ),
    sources=(
        Source(
            citation="Brandes (2001), A Faster Algorithm for Betweenness Centrality, Journal of "
            "Mathematical Sociology 25",
            url="https://doi.org/10.1080/0022250X.2001.9990249",
        ),
        Source(
            citation="Wasserman and Faust (1994), Social Network Analysis, Cambridge University "
            "Press",
            url="https://doi.org/10.1017/CBO9780511815478",
        ),
        Source(
            citation="Bonacich (1972), Factoring and Weighting Approaches to Status Scores and "
            "Clique Identification, Journal of Mathematical Sociology 2",
            url="https://doi.org/10.1080/0022250X.1972.9989806",
        ),
    ),
)

COMMUNITIES: Final = Method(
    id="relations.communities",
    version="1",
    title="Communities by modularity",
    estimates="Whether the linked members fall into groups with more links within than chance "
    "gives, and into which.",
    estimator="Greedy agglomeration of the communities whose union gains most modularity, until "
    "none gains any.",
    assumptions=("Each link counts the same.",),
    standard_errors="Standard deviation of the modularity among the rewired graphs.",
    null="The links are at random, given how many each member has: 199 graphs rewired by "
    "double-edge swaps, each cut by the same procedure. The p-value is one-sided, every tie "
    "against a finding.",
    multiple_testing="One test an answer.",
    limits=(
        "Communities smaller than some size depending on the whole graph are merged (resolution "
        "limit).",
        "Any graph can be cut: without a p-value of at most 0.05 the groups mean nothing.",
        _NO_FINDING,
    ),
    sources=(
        Source(
            citation="Newman and Girvan (2004), Finding and evaluating community structure in "
            "networks, Physical Review E 69",
            url="https://doi.org/10.1103/PhysRevE.69.026113",
        ),
        Source(
            citation="Clauset, Newman and Moore (2004), Finding community structure in very large "
            "networks, Physical Review E 70",
            url="https://doi.org/10.1103/PhysRevE.70.066111",
        ),
        Source(
            citation="Maslov and Sneppen (2002), Specificity and Stability in Topology of Protein "
            "Networks, Science 296",
            url="https://doi.org/10.1126/science.1065103",
        ),
        Source(
            citation="Fortunato and Barthelemy (2007), Resolution limit in community detection, "
            "Proceedings of the National Academy of Sciences 104",
            url="https://doi.org/10.1073/pnas.0605965104",
        ),
    ),
)

CONFLICTS: Final = Method(
    id="relations.conflicts",
    version="1",
    title="Trades in sectors under the members' committees",
    estimates="Whether a member's share of trades in sectors that the chamber's rules assign to "
    "the member's committees is greater than that of peers without such a seat.",
    estimator="Trades in such sectors over trades whose sector is known; the committee-conflict "
    "score is this share beside what the peers predict.",
    assumptions=(
        "The shares of the peers, members of the same chamber without a seat over these sectors, "
        "have a beta distribution, and the member's is one more draw of it.",
    ),
    standard_errors="Wilson interval of the share, 95 %, which takes trades for independent.",
    null="The member's share is one more draw of the peers': one-sided predictive mid-p-value "
    "under their beta-binomial distribution. Fisher's exact test stands beside it, which takes "
    "trades for independent and finds many who are as concentrated as others.",
    multiple_testing="Benjamini-Hochberg over the members tested.",
    limits=(
        "Seats are those of today: who sat on a committee when a trade was made is not known.",
        "Sectors are wider than jurisdictions, and committees over every sector are left out.",
        "Members with fewer than 10 trades or 20 peers are not tested.",
        _NO_FINDING,
    ),
    sources=(
        COMMITTEE_JURISDICTIONS,
        SKELLAM,
        LANCASTER,
        BENJAMINI_HOCHBERG,
    ),
)

CORRELATION: Final = Method(
    id="relations.correlation",
    version="1",
    title="Correlation of weekly trading",
    estimates="Whether two members trade much, or buy more than they sell, in the same weeks.",
    estimator="Pearson's or Spearman's coefficient of the weekly numbers of trades, or of "
    "purchases less sales, over the weeks from the later of both first trades to the earlier of "
    "both last ones, at least 78.",
    assumptions=(
        "Each series is stationary over these weeks: a common trend looks like a correlation.",
    ),
    standard_errors="Interval by Fisher's transformation with the effective number of weeks, which "
    "counts what successive weeks have in common (Bartlett).",
    null=_SURROGATE_NULL.format(statistic="Two-sided, by the absolute coefficient."),
    multiple_testing=_PAIRS,
    limits=(
        "Recesses and market turmoil make everybody's weeks alike.",
        "The interval is an approximation for counts; the p-value is the test.",
        _NO_FINDING,
    ),
    sources=(
        Source(
            citation="Bartlett (1946), On the Theoretical Specification and Sampling Properties of "
            "Autocorrelated Time-Series, Supplement to the Journal of the Royal Statistical "
            "Society 8",
            url="https://doi.org/10.2307/2983611",
        ),
        Source(
            citation="Pyper and Peterman (1998), Comparison of methods to account for "
            "autocorrelation in correlation analyses of fish data, Canadian Journal of Fisheries "
            "and Aquatic Sciences 55",
            url="https://doi.org/10.1139/f98-104",
        ),
        *_BLOCKS,
        BENJAMINI_HOCHBERG,
    ),
)

LEAD_LAG: Final = Method(
    id="relations.lead_lag",
    version="1",
    title="Leads and lags",
    estimates="Whether one member's trades come a fixed number of weeks before the other's in the "
    "same stocks on the same side.",
    estimator="The maximum over all lags of the cross-correlogram of both members' trades, summed "
    "over stocks, each weighted by one over the root of the product of both numbers of weeks in "
    "it.",
    assumptions=("Within a block the order of weeks is kept, beyond it is not.",),
    standard_errors="None: the p-value is by surrogates. The number of matched trades stands "
    "beside its mean among them.",
    null=_SURROGATE_NULL.format(statistic="The statistic is the maximum over all lags searched."),
    multiple_testing="The maximum corrects for the lags. " + _PAIRS,
    limits=(
        "Who comes first need not be who is followed: both may follow a third.",
        "Weeks in which both are busy match stocks that both often trade, too: the correlation "
        "stands beside it, and the network's null holds such weeks.",
        "Pairs with fewer than 78 weeks or 20 combinations of trades in common stocks are not "
        "tested.",
        _NO_FINDING,
    ),
    sources=(
        Source(
            citation="Brillinger (1976), Estimation of the Second-Order Intensities of a Bivariate "
            "Stationary Point Process, Journal of the Royal Statistical Society B 38",
        ),
        *_BLOCKS,
        BENJAMINI_HOCHBERG,
    ),
)

METHODS: Final = (NETWORK, CENTRALITY, COMMUNITIES, CONFLICTS, CORRELATION, LEAD_LAG)
