"""Methods of the patterns in when a politician trades."""

from typing import Final

from quant.methods import Method, Source
from quant.methods.sources import SAKOE_CHIBA

_SURROGATES: Final = (
    Source(
        citation="Theiler, Eubank, Longtin, Galdrikian and Farmer (1992), Testing for nonlinearity "
        "in time series: the method of surrogate data, Physica D 58",
        url="https://doi.org/10.1016/0167-2789(92)90102-S",
    ),
    Source(
        citation="Schreiber and Schmitz (2000), Surrogate time series, Physica D 142",
        url="https://doi.org/10.1016/S0167-2789(00)00043-9",
    ),
)
_DATES: Final = (
    "Trades are dated by their transaction date; a politician disclosed them up to 45 days later "
    "or more, so that nobody could have acted on a pattern on those dates."
)
_ZEROS: Final = "Between the first trade and the last, a day without a disclosed trade had none."
_FAMILY: Final = (
    "None by itself; a comprehensive answer and a comparison correct all their tests together "
    "(Benjamini-Hochberg)."
)

CYCLES: Final = Method(
    id="patterns.cycles",
    version="1",
    title="Lomb-Scargle periodogram of trade counts",
    estimates="The lengths of cycles in which a politician's trades recur, and how often chance "
    "shows one as strong.",
    estimator="Lomb-Scargle power, normalised by the variance, of the trades on each weekday from "
    "the first trade to the last, at periods from 15 days to a quarter of the span. A cycle is a "
    "peak; its length is given with the periods at which the peak has half its height.",
    assumptions=(
        _ZEROS,
        "A trade dated on a weekend belongs to the Monday after it.",
        "A cycle keeps its length and phase over the whole span.",
    ),
    standard_errors="Half-width of the peak at half its height.",
    null="If no serial dependence is found, that days are exchangeable (permutations of the "
    "counts). If it is, that busy times lump together as a first-order autoregression in white "
    "noise does, fitted by Whittle's likelihood (permutations drawn to have that dependence; the "
    "statistic is the power over the fitted spectrum). Of the two p-values the second decides, "
    "the rank of the peak among the surrogates' highest peaks over all periods.",
    multiple_testing="The maximum over all periods searched. " + _FAMILY,
    limits=(
        _DATES,
        "Below 15 days a cycle cannot be told from its alias, as weekends have no trades.",
        "A rate that changes once or twice can look like a cycle of great length.",
    ),
    sources=(
        Source(
            citation="Scargle (1982), Studies in astronomical time series analysis II, "
            "Astrophysical Journal 263",
            url="https://doi.org/10.1086/160554",
        ),
        Source(
            citation="VanderPlas (2018), Understanding the Lomb-Scargle Periodogram, Astrophysical "
            "Journal Supplement Series 236",
            url="https://doi.org/10.3847/1538-4365/aab766",
        ),
        *_SURROGATES,
    ),
)

REGIMES: Final = Method(
    id="patterns.regimes",
    version="1",
    title="Poisson hidden Markov model of weekly trade counts",
    estimates="Spells of high and of low activity: their rates, how long they last, and which one "
    "the latest week belongs to.",
    estimator="Baum-Welch from 10 random beginnings for each of 1 to 4 states; the number of "
    "states by BIC with k^2 + k - 1 parameters; states in the order of their rates. Expected "
    "duration: 1 / (1 - p_ii) weeks.",
    assumptions=(
        _ZEROS,
        "Weeks run from Monday to Sunday.",
        "Within a state counts are Poisson, and the state of a week depends on the week before "
        "alone.",
    ),
    standard_errors="95 % intervals by a parametric bootstrap of 100 series of the fitted model, "
    "given the number of states.",
    null="The weeks are exchangeable: busy and quiet weeks follow each other in random order. "
    "Permutations; the statistic is the log-likelihood gained by persistence in a chain of two "
    "states, above the mean and up to it. BIC is no test, and of dispersed counts prefers several "
    "states even in random order; without persistence there are no regimes.",
    multiple_testing=_FAMILY,
    limits=(
        _DATES,
        "The test tells persistence from none, not a regime from another cause of persistence.",
        "Spells are known in retrospect alone. Only the probability of the latest week's state "
        "uses nothing later than its date.",
    ),
    sources=(
        Source(
            citation="Rabiner (1989), A tutorial on hidden Markov models, Proceedings of the IEEE "
            "77",
            url="https://doi.org/10.1109/5.18626",
        ),
        Source(
            citation="Zucchini, MacDonald and Langrock (2016), Hidden Markov Models for Time "
            "Series, 2nd edition, CRC Press",
            url="https://doi.org/10.1201/b20790",
        ),
        Source(
            citation="Schwarz (1978), Estimating the dimension of a model, Annals of Statistics 6",
            url="https://doi.org/10.1214/aos/1176344136",
        ),
    ),
)

REPETITIONS: Final = Method(
    id="patterns.repetitions",
    version="1",
    title="Repetitions of the latest quarter by dynamic time warping",
    estimates="Past quarters in which trades came in the rhythm of the latest one.",
    estimator="Dynamic time warping distance, in a Sakoe-Chiba band of 2 weeks, between the "
    "z-normalised square roots of the latest 13 weekly counts and those of every 13 weeks that do "
    "not overlap them.",
    assumptions=(_ZEROS, "The level and the spread of activity do not matter, its shape does."),
    standard_errors=None,
    null="If no serial dependence is found in the past, that its weeks are exchangeable "
    "(permutations of the counts). If it is, that busy times lump together as a first-order "
    "autoregression in white noise does, fitted by Whittle's likelihood (permutations drawn to "
    "have that dependence). Of the two p-values the second decides. The latest quarter is held "
    "fixed and the past is drawn anew; the p-value is the rank among the least distances to those "
    "pasts.",
    multiple_testing="The minimum over all past windows. " + _FAMILY,
    limits=(_DATES, "A repetition says nothing about what follows."),
    sources=(
        SAKOE_CHIBA,
        *_SURROGATES,
    ),
)

CHANGES: Final = Method(
    id="patterns.changes",
    version="1",
    title="Changes of the weekly rate of trades",
    estimates="When the number of trades a week changed, and the rates before and after.",
    estimator="PELT with the Poisson likelihood over the dispersion of the counts, segments of 4 "
    "weeks at least and a penalty of 3 log t for each change.",
    assumptions=(_ZEROS, "Between changes weeks are independent and of one rate."),
    standard_errors="Of a rate: the square root of dispersion times rate over weeks; the "
    "dispersion is that of neighbouring weeks.",
    null="The weeks are exchangeable. Permutations; the statistic is the likelihood ratio for a "
    "rate that differs between the extremes of the centred cumulative sum. A single change is "
    "tested by permuting the two segments next to it, given where these are.",
    multiple_testing=_FAMILY,
    limits=(
        _DATES,
        "Where busy weeks lump together the test may reject without a change of the rate.",
    ),
    sources=(
        Source(
            citation="Killick, Fearnhead and Eckley (2012), Optimal detection of changepoints with "
            "a linear computational cost, Journal of the American Statistical Association 107",
            url="https://doi.org/10.1080/01621459.2012.737745",
        ),
        Source(
            citation="Zhang and Siegmund (2007), A modified Bayes information criterion, "
            "Biometrics 63",
            url="https://doi.org/10.1111/j.1541-0420.2006.00662.x",
        ),
        Source(
            citation="Levin and Kline (1985), The cusum test of homogeneity, Statistics in "
            "Medicine 4",
            url="https://doi.org/10.1002/sim.4780040408",
        ),
    ),
)

LIKENESS: Final = Method(
    id="patterns.likeness",
    version="1",
    title="Likeness of two politicians' weekly activity by dynamic time warping",
    estimates="Whether two politicians are busy in the same weeks.",
    estimator="Dynamic time warping distance, in a Sakoe-Chiba band of 2 weeks, between the "
    "z-normalised square roots of their weekly counts in the weeks that both cover.",
    assumptions=(_ZEROS, "Each politician's activity is stationary over those weeks."),
    standard_errors=None,
    null="The two do not know each other's time: one series is held fixed and the other drawn "
    "anew. If no serial dependence is found in it, its weeks are exchangeable (permutations of the "
    "counts). If it is, busy times lump together as a first-order autoregression in white noise "
    "does, fitted by Whittle's likelihood (permutations drawn to have that dependence).",
    multiple_testing="Benjamini-Hochberg over all tests of the comparison.",
    limits=(
        _DATES,
        "A season or a trend that both follow, such as the year's end, counts as likeness.",
        "Cycles are not in the null: two members whose cycles have the same length are found alike "
        "where the phases happen to be near.",
        "Likeness is no sign of an understanding between them.",
    ),
    sources=(*REPETITIONS.sources[:1], *_SURROGATES),
)

METHODS: Final = (CYCLES, REGIMES, REPETITIONS, CHANGES, LIKENESS)
