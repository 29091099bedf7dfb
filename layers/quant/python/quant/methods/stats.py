"""Methods of the counts, sums and rankings of disclosed trades."""

from typing import Final

from quant.methods import Method, Source
from quant.methods.sources import BENJAMINI_HOCHBERG, CATEGORIES_OF_VALUE, MACKINLAY, WILSON
from quant.stock_act import (
    FILING_DEADLINE_DAYS,
    FIRST_TRANSACTION_DATE,
    REPORTING_THRESHOLD_USD,
    SOURCE,
    SOURCE_URL,
)

_STOCK_ACT: Final = Source(citation=f"STOCK Act, Pub. L. 112-105; {SOURCE}", url=SOURCE_URL)
_DISCLOSED_ONLY: Final = (
    f"Only what was disclosed and read: trades of {REPORTING_THRESHOLD_USD:,} US dollars or less "
    "need no report, and scans wait for a person."
)

COUNTS: Final = Method(
    id="stats.counts",
    version="1",
    title="Counts and coverage",
    estimates="How many trades were disclosed, by whom, and how many of them have a ticker, a "
    "sector, prices and a disclosure date.",
    estimator="Transaction lines counted, each once: a line that a later filing repeats or amends "
    "does not count again. A period is one of disclosure dates and ends with the newest disclosure "
    "that is known. Coverage is the share of all trades; a trade has prices where its ticker has "
    "one on any day.",
    assumptions=(),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=(
        _DISCLOSED_ONLY,
        "A period leaves out the trades whose disclosure date is unknown; `sample.excluded` counts "
        "them.",
        "Years are those of the transaction.",
    ),
    sources=(_STOCK_ACT,),
)

VOLUME: Final = Method(
    id="stats.volume",
    version="1",
    title="Disclosed volume",
    estimates="Between what bounds the sum of the trades' amounts lies.",
    estimator="The sum of the lower and that of the upper ends of the disclosed ranges, US "
    "dollars; purchases and sales add up. The midpoint is the mean of the two sums; rankings go "
    "by it.",
    assumptions=("The bounds assume nothing; the midpoint is a convention, not an estimate.",),
    standard_errors="None: the bounds hold with certainty.",
    null=None,
    multiple_testing=None,
    limits=(
        "A range without an upper end counts with its lower one in both sums: with any such trade, "
        "counted as `unbounded`, the upper sum is itself a lower bound.",
        "Two politicians whose bounds overlap cannot be told apart.",
        _DISCLOSED_ONLY,
    ),
    sources=(CATEGORIES_OF_VALUE,),
)

TIMELINESS: Final = Method(
    id="stats.timeliness",
    version="1",
    title="Share of late trades",
    estimates=f"The share of trades disclosed more than {FILING_DEADLINE_DAYS} days after the "
    "transaction.",
    estimator="Late trades over trades whose disclosure date is known. A ranking goes by the upper "
    "end of the interval, the lowest first, so that a politician with few trades does not lead it.",
    assumptions=(
        "Filings are independent of each other.",
        "Trades of one filing are late together or in time together, the most that they can depend "
        "on each other: n trades are worth n² / Σ m² independent ones, where m are the trades of "
        "each filing.",
    ),
    standard_errors="Wilson interval of the share with that number of trials, 95 %.",
    null=None,
    multiple_testing=None,
    limits=(
        "A trade whose disclosure date is unknown is neither late nor in time.",
        f"Transactions before {FIRST_TRANSACTION_DATE}, from which on reports are due, are left "
        "out.",
        "An extension that the ethics office granted cannot be seen, nor a deadline moved by a "
        "weekend or holiday.",
        "The earlier deadline, 30 days after notification, is not used: most sources do not say "
        "when the filer was notified.",
        "Over several politicians the interval is about these, not about others: politicians "
        "differ.",
        "A late trade is no finding about a person; filings may have been late for any reason.",
    ),
    sources=(
        _STOCK_ACT,
        WILSON,
        Source(citation="Kish (1965), Survey Sampling, Wiley"),
    ),
)

SECTORS: Final = Method(
    id="stats.sectors",
    version="1",
    title="Trades by sector",
    estimates="How disclosed trades spread over the sectors.",
    estimator="Trades of a sector over all trades of the selection, the ones whose sector is "
    "unknown included, which are a row of their own. The sector is that of the ticker today.",
    assumptions=("A company's sector was the same when it was traded.",),
    standard_errors=None,
    null=None,
    multiple_testing=None,
    limits=(
        "Trades without a ticker, such as of bonds and private companies, have no sector; nor do "
        "tickers that no source classifies.",
        _DISCLOSED_ONLY,
    ),
    sources=(
        Source(
            citation="MSCI and S&P Dow Jones Indices (2018), Global Industry Classification "
            "Standard",
            url="https://www.msci.com/our-solutions/indexes/gics",
        ),
    ),
)

RETURNS: Final = Method(
    id="stats.returns",
    version="1",
    title="Ranking by abnormal return",
    estimates="Whose disclosed trades were followed by the highest abnormal returns.",
    estimator="Politicians by the lower end of the 95 % interval of their mean cumulative abnormal "
    "return from disclosure, the highest first, so that a politician with few trades does not lead "
    "the ranking. The estimate is the one of the performance report of all politicians.",
    assumptions=("Those of the cumulative abnormal return.",),
    standard_errors="Of the cumulative abnormal return.",
    null="The politician's mean abnormal return is zero.",
    multiple_testing="Benjamini-Hochberg over politicians: the q-value, not the rank, says whether "
    "a return differs from zero.",
    limits=(
        "Somebody comes first even where nobody has skill: the first rank by itself says nothing.",
        "Of all trades together, whenever they were disclosed.",
        "Past returns do not tell future ones; this is no investment advice.",
    ),
    sources=(
        MACKINLAY,
        BENJAMINI_HOCHBERG,
        Source(
            citation="Goldstein and Spiegelhalter (1996), League Tables and Their Limitations, "
            "Journal of the Royal Statistical Society A 159",
            url="https://doi.org/10.2307/2983325",
        ),
    ),
)
