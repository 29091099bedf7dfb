"""Answers of the routes of relations."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from analytics._anomaly_answers import EvidenceTrade
from quant.analytics.relations.vocabulary import Coefficient, Measure
from quant_http.models import (
    DataVersionField,
    Estimate,
    MethodReference,
    PoliticianReference,
    SampleInfo,
)

Status = Annotated[
    Literal["found", "not_found", "insufficient_data"],
    Field(
        description="Whether the null is beaten at a false discovery rate of 5 %, is not, or there "
        "is too little to test.",
        examples=["not_found"],
    ),
]
PValue = Annotated[
    float | None,
    Field(description="Of the method's null; null where not tested.", examples=[0.32]),
]
QValue = Annotated[
    float | None,
    Field(
        description="Corrected for all pairs tested in the answer (Benjamini-Hochberg); null where "
        "not tested.",
        examples=[0.71],
    ),
]
Surrogates = Annotated[
    int, Field(description="Surrogates drawn; 0 where not tested.", examples=[499])
]
Notice = Annotated[
    str,
    Field(
        examples=[
            "Relations between disclosed numbers beside a stated null hypothesis: common news, "
            "advisers or markets make one, too. No finding about a person, and no investment "
            "advice."
        ]
    ),
]


class CommonTradeInfo(BaseModel):
    """A trade of the one and a trade of the other, of the same stock on the same side."""

    first: EvidenceTrade
    second: EvidenceTrade


class HypergeometricTest(BaseModel):
    """The pair under the published null, which takes all events for alike; decides nothing."""

    events: int = Field(description="Common stocks, sides and windows.", examples=[19])
    p_value: float = Field(examples=[0.99])
    q_value: float = Field(description="Benjamini-Hochberg over the pairs tested.", examples=[1.0])


class PairOfMembers(BaseModel):
    """Two members whose trades are compared."""

    first: PoliticianReference
    second: PoliticianReference


class NetworkPair(PairOfMembers):
    """How often two members traded the same stocks on the same side in the same windows."""

    status: Status = Field(
        description="`found` makes it a link: `q_value` and `q_turned` are at most 5 %."
    )
    stocks: int = Field(
        description="Different stocks and sides traded in the same window at least once.",
        examples=[15],
    )
    expected: float = Field(description="Their mean under the null.", examples=[4.28])
    standard_deviation: float = Field(description="Under the null.", examples=[1.9])
    common_stocks: int = Field(
        description="Different stocks and sides that both traded at any time.", examples=[41]
    )
    p_value: float = Field(examples=[0.000004])
    q_value: float = Field(
        description="Benjamini-Hochberg over the pairs tested.", examples=[0.006]
    )
    q_turned: float | None = Field(
        description="By networks whose members' windows are turned around the circle; null where "
        "no pair passes Benjamini-Hochberg.",
        examples=[0.045],
    )
    p_bonferroni: float = Field(
        description="Corrected for the probability of any false link.", examples=[0.006]
    )
    hypergeometric: HypergeometricTest
    evidence: list[CommonTradeInfo] = Field(description="The latest common trades, at most 10.")


class NetworkPairs(BaseModel):
    """How many pairs were tested, and pass."""

    tested: int = Field(
        description="Pairs that share a stock and side, and a window, at all.", examples=[1363]
    )
    linked: int = Field(
        description="Pass at a false discovery rate of 5 % by both corrections.", examples=[1]
    )
    benjamini_hochberg: int = Field(description="Pass Benjamini-Hochberg alone.", examples=[1])
    bonferroni: int = Field(description="Pass the Bonferroni correction.", examples=[1])
    hypergeometric: int = Field(
        description="Pass at a false discovery rate of 5 % under the hypergeometric null.",
        examples=[0],
    )
    turned_networks: int = Field(
        description="Turned networks drawn; 0 where no pair passes Benjamini-Hochberg.",
        examples=[199],
    )


class CentralityInfo(BaseModel):
    """How a member is placed in the network of links."""

    degree: float = Field(description="Links over other members.", examples=[0.0056])
    betweenness: float = Field(examples=[0.0])
    closeness: float = Field(examples=[0.0056])
    eigenvector: float = Field(examples=[0.7071])


class JurisdictionInfo(BaseModel):
    """What a committee's rule says of sectors."""

    committee_id: str = Field(examples=["SSBK"])
    rule: str = Field(examples=["Senate Rule XXV, paragraph 1"])
    sectors: list[str] = Field(examples=[["Financials", "Real Estate"]])
    note: str | None = Field(
        description="Where the sector is wider or narrower than the rule.", examples=[None]
    )


class ConflictInfo(BaseModel):
    """The member's share of trades in sectors under the member's present committees."""

    status: Status
    sectors: list[str] = Field(examples=[["Financials", "Real Estate"]])
    jurisdictions: list[JurisdictionInfo]
    share: Estimate = Field(description="Share of the trades whose sector is known.")
    trades_under_committees: int = Field(examples=[12])
    trades_with_sector: int = Field(examples=[81])
    peers: int = Field(
        description="Members of the chamber without a seat over these sectors.", examples=[38]
    )
    expected_share: float | None = Field(
        description="What the peers predict; null where not tested.", examples=[0.17]
    )
    expected_share_low: float | None = Field(
        description="Lower end of the central 95 % of what they predict.", examples=[0.0]
    )
    expected_share_high: float | None = Field(description="Its upper end.", examples=[0.49])
    odds_ratio: float | None = Field(
        description="Of the member's trades against all the peers' trades.", examples=[0.9]
    )
    p_fisher: float | None = Field(
        description="Of Fisher's exact test, which takes trades for independent; decides nothing.",
        examples=[0.6],
    )
    statement: str = Field(
        examples=[
            "12 of 81 trades whose sector is known are in sectors under the member's present "
            "committees (Financials, Real Estate). This is within what the trades of peers without "
            "such a seat predict (p = 0.55, q = 0.9)."
        ]
    )
    evidence: list[EvidenceTrade] = Field(
        description="The latest trades in these sectors, at most 5."
    )


class NetworkNode(BaseModel):
    """A member in the network."""

    politician: PoliticianReference
    trades: int = Field(examples=[664])
    events: int = Field(
        description="Different stocks, sides and windows of the trades.", examples=[520]
    )
    links: int = Field(examples=[1])
    centrality: CentralityInfo
    community: int | None = Field(
        description="Place among the communities; null without a link.", examples=[0]
    )
    conflict: ConflictInfo | None = Field(
        description="Null without a seat over any sector in the committees' rules."
    )


class CommunitiesInfo(BaseModel):
    """The groups into which the links fall, beside those of rewired graphs."""

    status: Status
    sizes: list[int] = Field(description="Members of each community.", examples=[[2]])
    modularity: float | None = Field(examples=[0.0])
    expected: float | None = Field(
        description="Mean modularity of the rewired graphs.", examples=[0.0]
    )
    standard_deviation: float | None = Field(description="Among them.", examples=[0.0])
    p_value: PValue
    rewirings: int = Field(examples=[199])
    statement: str = Field(
        examples=[
            "The links do not fall into groups more than links at random do (p = 1): the groups "
            "mean nothing."
        ]
    )


class ConflictsInfo(BaseModel):
    """All members' tests of trades under their committees; the nodes have each."""

    tested: int = Field(description="Members tested.", examples=[58])
    found: int = Field(description="Pass at a false discovery rate of 5 %.", examples=[0])
    seats: str = Field(examples=["Seats are those of today, whenever the trades were made."])


class NetworkData(BaseModel):
    """The statistically validated co-trading network."""

    as_of: date | None = Field(
        description="Last day of disclosure that counts; null for all trades.",
        examples=["2020-12-31"],
    )
    window_days: int = Field(examples=[7])
    summary: str = Field(
        examples=[
            "1 pair of members traded the same stocks on the same side in the same window of 7 "
            "days more often than chance explains, of 1363 tested at a false discovery rate of 5%."
        ]
    )
    pairs: NetworkPairs
    nodes: list[NetworkNode] = Field(
        description="Every member with trades, those with most links first."
    )
    links: list[NetworkPair] = Field(
        description="The pairs that pass, the least likely first, at most 250."
    )
    other_pairs: list[NetworkPair] = Field(
        description="The least likely pairs with common trades that do not pass, at most 20."
    )
    communities: CommunitiesInfo
    conflicts: ConflictsInfo
    notice: Notice


class NetworkAnswer(BaseModel):
    """The network with its methods."""

    data: NetworkData
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField
    is_current: bool = Field(
        description="Whether `data_version`, at which this was computed, is still that of the "
        "data; the network of all trades is computed ahead.",
        examples=[True],
    )


class CorrelationInfo(BaseModel):
    """How alike the weekly series of two members are."""

    status: Status
    coefficient: Estimate = Field(
        description="With its interval by the effective number of weeks, and the p-value of "
        "surrogates; `n` are the weeks."
    )
    effective_weeks: float | None = Field(
        description="Independent weeks that would give the coefficient the same variance.",
        examples=[131.4],
    )
    surrogates: Surrogates


class LeadLagInfo(BaseModel):
    """Whether one member's trades come before the other's in the same stocks."""

    status: Status
    lag_weeks: int | None = Field(
        description="Weeks by which `first` comes before `second` where they match most, negative "
        "where it comes after; null where not tested.",
        examples=[2],
    )
    matches: int = Field(description="Trades matched at that lag.", examples=[8])
    expected: float | None = Field(description="Their mean in surrogates.", examples=[1.2])
    p_value: PValue = Field(description="Of the maximum over all lags; null where not tested.")
    q_value: QValue
    surrogates: Surrogates
    statement: str = Field(
        examples=[
            "Neither's trades come before the other's, or in the same weeks, in the same stocks "
            "more than chance explains (p = 0.41, q = 0.83)."
        ]
    )
    evidence: list[CommonTradeInfo] = Field(
        description="Trades matched at that lag, the latest first, at most 5."
    )


class PairwisePair(PairOfMembers):
    """The relation of two members' trades in time."""

    weeks: int = Field(
        description="Weeks from the later of both first trades to the earlier of both last ones.",
        examples=[247],
    )
    correlation: CorrelationInfo
    lead_lag: LeadLagInfo


class PairwiseMember(BaseModel):
    """One of the members compared."""

    politician: PoliticianReference
    trades: int = Field(examples=[664])
    events: int = Field(
        description="Different stocks, sides and weeks of the trades, which leads and lags rest "
        "on.",
        examples=[520],
    )


class PairwiseData(BaseModel):
    """Correlations, leads and lags of all pairs of the members."""

    as_of: date | None = Field(
        description="Last day of disclosure that counts; null for all trades.",
        examples=["2020-12-31"],
    )
    measure: Measure
    coefficient: Coefficient
    greatest_lag_weeks: int = Field(description="Greatest lag searched.", examples=[8])
    summary: str = Field(
        examples=[
            "0 of 18 pairs tested are correlated; 0 of 18 trade the same stocks in the same weeks "
            "or one some weeks before the other; each at a false discovery rate of 5%."
        ]
    )
    politicians: list[PairwiseMember]
    pairs: list[PairwisePair]
    notice: Notice


class PairwiseAnswer(BaseModel):
    """Pairs with their methods."""

    data: PairwiseData
    methods: list[MethodReference]
    sample: SampleInfo
    data_version: DataVersionField
