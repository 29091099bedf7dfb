"""Which GICS sectors fall under a committee's jurisdiction, as the chambers' rules assign it.

Sources: Rules of the House of Representatives, Rule X, clause 1; Standing Rules of the Senate,
Rule XXV, paragraph 1. Sectors are those of the Global Industry Classification Standard (MSCI and
S&P), by the names that ``tickers.sector`` has.

Only what the rules assign by the name of an industry is here. Left out are committees whose matter
is every sector (Appropriations, Budget, Ways and Means, Judiciary, Small Business), the conduct of
government or of the chamber, or foreign affairs, and those whose industry a GICS sector does not
come close to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Sector(StrEnum):
    """A sector of the Global Industry Classification Standard."""

    ENERGY = "Energy"
    MATERIALS = "Materials"
    INDUSTRIALS = "Industrials"
    CONSUMER_DISCRETIONARY = "Consumer Discretionary"
    CONSUMER_STAPLES = "Consumer Staples"
    HEALTH_CARE = "Health Care"
    FINANCIALS = "Financials"
    INFORMATION_TECHNOLOGY = "Information Technology"
    COMMUNICATION_SERVICES = "Communication Services"
    UTILITIES = "Utilities"
    REAL_ESTATE = "Real Estate"


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """What a committee's rule says of sectors.

    Attributes:
        rule: Where the rule stands.
        sectors: Each sector, with the words of the rule that it is here for.
        note: Where the sector is wider or narrower than those words; None where it fits.
    """

    rule: str
    sectors: dict[Sector, str]
    note: str | None = None


_SENATE: Final = "Senate Rule XXV, paragraph 1"
_DEFENCE_NOTE: Final = (
    "the industry is aerospace and defense, of which the sector Industrials is a part only"
)
_FOOD_NOTE: Final = (
    "producers of farm products and food are in Consumer Staples, as are retailers of food and"
    " household products; fertilizers and farm machinery are in other sectors"
)

# By the committee's congress-legislators ``thomas_id``.
JURISDICTIONS: Final[dict[str, Jurisdiction]] = {
    "HSAG": Jurisdiction(
        "House Rule X, clause 1(a)",
        {Sector.CONSUMER_STAPLES: "agriculture generally; inspection of livestock and meat"},
        _FOOD_NOTE,
    ),
    "HSAS": Jurisdiction(
        "House Rule X, clause 1(c)",
        {Sector.INDUSTRIALS: "common defense generally; Department of Defense generally"},
        _DEFENCE_NOTE,
    ),
    "HSBA": Jurisdiction(
        "House Rule X, clause 1(h)",
        {
            Sector.FINANCIALS: "banks and banking; insurance generally; securities and exchanges",
            Sector.REAL_ESTATE: "public and private housing; urban development",
        },
    ),
    "HSIF": Jurisdiction(
        "House Rule X, clause 1(f)",
        {
            Sector.ENERGY: "exploration, production, storage, supply, marketing, pricing and"
            " regulation of energy resources",
            Sector.UTILITIES: "generation and marketing of power; regulation of the domestic"
            " nuclear energy industry",
            Sector.HEALTH_CARE: "biomedical research and development; health and health"
            " facilities; public health and quarantine",
            Sector.COMMUNICATION_SERVICES: "regulation of interstate and foreign communications",
        },
    ),
    "HSII": Jurisdiction(
        "House Rule X, clause 1(m)",
        {
            Sector.MATERIALS: "mining interests generally; mineral resources of public lands",
            Sector.ENERGY: "petroleum conservation on public lands",
        },
        "chemicals and packaging are in Materials, too",
    ),
    "HSPW": Jurisdiction(
        "House Rule X, clause 1(r)",
        {
            Sector.INDUSTRIALS: "transportation, including civil aviation, railroads, water"
            " transportation"
        },
        "the industry group is transportation, of which the sector Industrials is a part only",
    ),
    "SSAF": Jurisdiction(
        _SENATE,
        {
            Sector.CONSUMER_STAPLES: "agriculture and agricultural commodities; inspection of"
            " livestock, meat, and agricultural products"
        },
        _FOOD_NOTE,
    ),
    "SSAS": Jurisdiction(
        _SENATE,
        {
            Sector.INDUSTRIALS: "common defense; Department of Defense; aeronautical and space"
            " activities associated with weapons systems or military operations"
        },
        _DEFENCE_NOTE,
    ),
    "SSBK": Jurisdiction(
        _SENATE,
        {
            Sector.FINANCIALS: "banks, banking, and financial institutions",
            Sector.REAL_ESTATE: "public and private housing; urban development",
        },
    ),
    "SSCM": Jurisdiction(
        _SENATE,
        {
            Sector.COMMUNICATION_SERVICES: "communications",
            Sector.INDUSTRIALS: "transportation; regulation of interstate common carriers,"
            " including railroads, buses, trucks, vessels, pipelines, and civil aviation",
        },
        "the industry group is transportation, of which the sector Industrials is a part only",
    ),
    "SSEG": Jurisdiction(
        _SENATE,
        {
            Sector.ENERGY: "coal production; oil and gas production and distribution; energy"
            " policy",
            Sector.UTILITIES: "energy regulation; hydroelectric power; nonmilitary development of"
            " nuclear energy",
            Sector.MATERIALS: "mining, mineral lands, mining claims, and mineral conservation",
        },
        "chemicals and packaging are in Materials, too",
    ),
    "SSFI": Jurisdiction(
        _SENATE,
        {Sector.HEALTH_CARE: "health programs under the Social Security Act"},
        "its revenue measures concern every sector and are left out",
    ),
    "SSHR": Jurisdiction(
        _SENATE,
        {Sector.HEALTH_CARE: "biomedical research and development; public health"},
    ),
}

# A subcommittee's identifier is its committee's and two digits.
_COMMITTEE_LENGTH: Final = 4


def jurisdictions_of(committees: Iterable[str]) -> dict[str, Jurisdiction]:
    """Return what the rules say of sectors, by committee; committees without any are left out.

    Args:
        committees: Identifiers (``thomas_id``); a subcommittee counts as its committee.
    """
    parents = dict.fromkeys(committee[:_COMMITTEE_LENGTH] for committee in committees)
    return {parent: JURISDICTIONS[parent] for parent in parents if parent in JURISDICTIONS}


def sectors_of(committees: Iterable[str]) -> frozenset[Sector]:
    """Return the sectors under the jurisdiction of any of these committees.

    Args:
        committees: Identifiers (``thomas_id``); a subcommittee counts as its committee.
    """
    return frozenset(
        sector
        for jurisdiction in jurisdictions_of(committees).values()
        for sector in jurisdiction.sectors
    )
