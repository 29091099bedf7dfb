"""The data dictionary: every column of every export, declared once.

What is written, its types in Parquet, ``dictionary.json`` and docs/research-dataset.md follow from
it; ``python -m quant.exports.dictionary docs/research-dataset.md`` writes that page's part anew.
Standard library only.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

# Raised with every change of what the files of a dataset hold or of how their bytes are written,
# a new release of DuckDB that writes other bytes among them: a version's bytes never change.
SCHEMA_VERSION: Final = 1

# Types of Parquet as DuckDB calls them.
type ColumnType = Literal[
    "VARCHAR",
    "VARCHAR[]",
    "DATE",
    "BIGINT",
    "DOUBLE",
    "BOOLEAN",
    "DECIMAL(3,2)",
    "DECIMAL(16,2)",
    "DECIMAL(16,4)",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an export.

    Attributes:
        name: Its name in every format.
        type: Its type in Parquet.
        sql: Expression of its value over the table's source; empty where it is computed.
        meaning: What it says.
        source: Where the value comes from.
        null: What a missing value means; ``None`` where none is ever missing.
        unit: Of a number.
    """

    name: str
    type: ColumnType
    sql: str
    meaning: str
    source: str
    null: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file.

    Attributes:
        name: Name of the file, without its extension.
        meaning: What one row is.
        columns: In the order they are written in.
        source: FROM clause the columns' expressions are over.
        order: ORDER BY list that leaves no two rows in either order.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    source: str
    order: str


_PTR: Final = "periodic transaction report (PTR)"
_LEGISLATORS: Final = "congress-legislators"
_OURS: Final = "this platform"
_SILENT: Final = "the form does not say"
_OPTION: Final = "no option, or its description does not say"

_SYNTHETIC_MEANING: Final = "Whether it is made-up demonstration data, never of a real person."

_TRADE_ID: Final = Column(
    "trade_id",
    "VARCHAR",
    "t.id::text",
    "Identifier of the trade: UUIDv5 of filing, content and occurrence of the line.",
    _OURS,
)
_POLITICIAN_ID: Final = Column(
    "politician_id",
    "VARCHAR",
    "p.id::text",
    "Identifier of the politician: UUIDv5 of the bioguide id, or of chamber and name.",
    _OURS,
)
_FILING_ID: Final = Column(
    "filing_id",
    "VARCHAR",
    "f.id::text",
    "Identifier of the filing: UUIDv5 of system and document.",
    _OURS,
)

_PERSON: Final = (
    Column(
        "bioguide_id",
        "VARCHAR",
        "p.bioguide_id",
        "Identifier in the Biographical Directory of the United States Congress.",
        _LEGISLATORS,
        "a filer not matched to a member",
    ),
    Column("full_name", "VARCHAR", "p.full_name", "Name of the politician.", _LEGISLATORS),
    Column(
        "chamber",
        "VARCHAR",
        "p.chamber",
        "`house` or `senate`: of the latest term, or the one reported to.",
        _LEGISLATORS,
    ),
    Column(
        "party",
        "VARCHAR",
        "p.party",
        "Party of the latest term.",
        _LEGISLATORS,
        "a filer not matched to a member",
    ),
    Column(
        "state",
        "VARCHAR",
        "p.state",
        "State or territory represented, postal code.",
        _LEGISLATORS,
        "a filer not matched to a member",
    ),
)

_TRADE: Final = (
    Column(
        "line_number",
        "BIGINT",
        "t.line_number",
        "Line of the filing, from 1.",
        _PTR,
        "the source does not number its lines",
    ),
    Column(
        "owner",
        "VARCHAR",
        "t.owner",
        "Who holds the asset: `self`, `spouse`, `joint` or `dependent_child`.",
        _PTR,
        _SILENT,
    ),
    Column("asset", "VARCHAR", "t.asset", "The asset as the form names it.", _PTR),
    Column(
        "ticker",
        "VARCHAR",
        "t.ticker",
        "Exchange symbol, where one is disclosed or known for the asset's name.",
        f"{_PTR}, or resolved by {_OURS}",
        "no symbol, or none that is certain enough",
    ),
    Column(
        "ticker_confidence",
        "DECIMAL(3,2)",
        "t.ticker_confidence",
        "1 where the filing states the symbol or a review decided it, less where it was found by "
        "the asset's name.",
        _OURS,
        "no symbol, or the source does not say how it was found",
        "0 to 1",
    ),
    Column(
        "asset_type",
        "VARCHAR",
        "t.asset_type",
        "Kind of asset: `stock`, `stock_option`, `corporate_bond`, `government_security`, "
        "`municipal_security`, `fund`, `non_public_stock`, `cryptocurrency` or `other`.",
        _PTR,
        _SILENT,
    ),
    Column(
        "operation",
        "VARCHAR",
        "t.operation",
        "`purchase`, `sale_full`, `sale_partial`, `sale` (full or partial is not said) or "
        "`exchange`.",
        _PTR,
    ),
    Column("transaction_date", "DATE", "t.transaction_date", "Day of the transaction.", _PTR),
    Column(
        "notification_date",
        "DATE",
        "t.notification_date",
        "Day the filer learned of it.",
        _PTR,
        "the source does not say",
    ),
    Column(
        "disclosure_date",
        "DATE",
        "t.disclosure_date",
        "Day it became public: from here on others could know of it.",
        "House Clerk, Senate eFD",
        "the source does not say",
    ),
    Column(
        "amount_min",
        "DECIMAL(16,2)",
        "t.amount_min",
        "Lower end of the disclosed range.",
        _PTR,
        unit="US dollars",
    ),
    Column(
        "amount_max",
        "DECIMAL(16,2)",
        "t.amount_max",
        "Upper end of the disclosed range.",
        _PTR,
        "the range has no upper end",
        "US dollars",
    ),
    Column(
        "capital_gains_over_200",
        "BOOLEAN",
        "t.capital_gains_over_200",
        "The form's box on capital gains over 200 dollars.",
        _PTR,
        _SILENT,
    ),
    Column("comment", "VARCHAR", "t.comment", "What the filer adds.", _PTR, "no comment"),
    Column(
        "filing_status",
        "VARCHAR",
        "t.status",
        "`new` or `amended`: whether the line is about one filed before.",
        _PTR,
        _SILENT,
    ),
    Column(
        "subholding_of",
        "VARCHAR",
        "t.subholding_of",
        "Account or trust that holds the asset.",
        _PTR,
        "held directly, or the form does not say",
    ),
    Column("option_type", "VARCHAR", "t.option_type", "`call` or `put`.", _PTR, _OPTION),
    Column(
        "option_strike",
        "DECIMAL(16,4)",
        "t.option_strike",
        "Strike price.",
        _PTR,
        _OPTION,
        "US dollars",
    ),
    Column("option_expires", "DATE", "t.option_expires", "Day the option expires.", _PTR, _OPTION),
    Column(
        "option_contracts",
        "BIGINT",
        "t.option_contracts",
        "Number of contracts.",
        _PTR,
        _OPTION,
        "contracts",
    ),
    Column(
        "option_shares", "BIGINT", "t.option_shares", "Number of shares.", _PTR, _OPTION, "shares"
    ),
    Column(
        "option_exercised",
        "BOOLEAN",
        "t.option_exercised",
        "Whether the trade is the option's exercise.",
        _PTR,
        "no option",
    ),
    Column(
        "notes",
        "VARCHAR[]",
        "t.notes",
        "Codes of what could not be read or had to be mended; in CSV separated by `;`.",
        _OURS,
    ),
)

_FILING: Final = (
    Column(
        "filing_source",
        "VARCHAR",
        "f.source",
        "System it was filed in: `house_clerk`, `senate_efd`, or `synthetic`.",
        "House Clerk, Senate eFD",
    ),
    Column(
        "filing_doc_id",
        "VARCHAR",
        "f.doc_id",
        "Identifier of the document in that system.",
        "House Clerk, Senate eFD",
    ),
    Column(
        "filing_url",
        "VARCHAR",
        "f.url",
        "The document as the official system shows it.",
        "House Clerk, Senate eFD",
        "the source does not say",
    ),
    Column(
        "filed_date",
        "DATE",
        "f.filed_date",
        "Day of filing.",
        "House Clerk, Senate eFD",
        "the source does not say",
    ),
)

_TRADE_IS_SYNTHETIC: Final = Column(
    "synthetic",
    "BOOLEAN",
    "(p.synthetic or f.source = 'synthetic')",
    _SYNTHETIC_MEANING,
    _OURS,
)
_PERSON_IS_SYNTHETIC: Final = Column(
    "synthetic", "BOOLEAN", "p.synthetic", _SYNTHETIC_MEANING, _OURS
)

_TRADES_SOURCE: Final = (
    "trades t join politicians p on p.id = t.politician_id join filings f on f.id = t.filing_id"
)

# What ``/export/trades`` and ``/export/batch/all-politicians`` give: all of a trade in one row.
TRADES: Final = Table(
    "trades",
    "One transaction line of a PTR, with its politician and its source filing.",
    (_TRADE_ID, _POLITICIAN_ID, *_PERSON, *_TRADE, *_FILING, _TRADE_IS_SYNTHETIC),
    _TRADES_SOURCE,
    "t.politician_id, t.transaction_date, t.id",
)

POLITICIANS: Final = Table(
    "politicians",
    "A member of Congress, or a filer not matched to one.",
    (
        _POLITICIAN_ID,
        *_PERSON,
        Column(
            "district",
            "BIGINT",
            "p.district",
            "Congressional district; 0 is at large.",
            _LEGISLATORS,
            "no member of the House",
        ),
        Column("in_office", "BOOLEAN", "p.in_office", "Whether in office now.", _LEGISLATORS),
        _PERSON_IS_SYNTHETIC,
    ),
    "politicians p",
    "p.id",
)

_DATASET_TRADES: Final = Table(
    "trades",
    "One transaction line of a PTR that counts: neither repeated by another filing nor replaced "
    "by an amendment.",
    (_TRADE_ID, _POLITICIAN_ID, _FILING_ID, *_TRADE, _TRADE_IS_SYNTHETIC),
    _TRADES_SOURCE,
    "t.id",
)

_FILINGS: Final = Table(
    "filings",
    "One PTR in its official system, or an amendment of one.",
    (
        _FILING_ID,
        _POLITICIAN_ID,
        *_FILING,
        Column(
            "sha256",
            "VARCHAR",
            "f.sha256",
            "SHA-256 of the document as it was fetched.",
            _OURS,
            "the document itself was not read",
        ),
        Column("paper", "BOOLEAN", "f.paper", "Whether it is a scan of paper.", _OURS),
        Column(
            "amends_id",
            "VARCHAR",
            "f.amends_id::text",
            "`filing_id` of the filing it amends.",
            _OURS,
            "amends none, or which one is not known",
        ),
        _TRADE_IS_SYNTHETIC,
    ),
    "filings f join politicians p on p.id = f.politician_id",
    "f.id",
)

_TICKERS: Final = Table(
    "tickers",
    "An exchange symbol seen in disclosures.",
    (
        Column("ticker", "VARCHAR", "k.symbol", "The symbol.", _PTR),
        Column("name", "VARCHAR", "k.name", "Name of the issuer.", _PTR, "not known"),
        Column(
            "sector",
            "VARCHAR",
            "k.sector",
            "Sector of the Global Industry Classification Standard.",
            _OURS,
            "not known",
        ),
    ),
    # Symbols that only have prices say nothing about disclosures.
    "(select * from tickers where exists (select from trades where ticker = symbol)) k",
    'k.symbol collate "C"',
)

_COMMITTEES: Final = Table(
    "committees",
    "A committee or subcommittee of Congress.",
    (
        Column("committee_id", "VARCHAR", "c.id", "`thomas_id`.", _LEGISLATORS),
        Column(
            "parent_id",
            "VARCHAR",
            "c.parent_id",
            "`committee_id` of the committee it belongs to.",
            _LEGISLATORS,
            "no subcommittee",
        ),
        Column("name", "VARCHAR", "c.name", "Its name.", _LEGISLATORS),
        Column("chamber", "VARCHAR", "c.chamber", "`house`, `senate` or `joint`.", _LEGISLATORS),
        Column(
            "jurisdiction",
            "VARCHAR",
            "c.jurisdiction",
            "What it is in charge of.",
            _LEGISLATORS,
            "the source does not say",
        ),
    ),
    "committees c",
    'c.id collate "C"',
)

_MEMBERSHIPS: Final = Table(
    "committee_memberships",
    "A politician's seat on a committee at the time of the data version, not of the trades.",
    (
        Column("committee_id", "VARCHAR", "m.committee_id", "The committee.", _LEGISLATORS),
        Column("politician_id", "VARCHAR", "m.politician_id::text", "The politician.", _OURS),
        Column(
            "rank", "BIGINT", "m.rank", "Rank on its side.", _LEGISLATORS, "the source has none"
        ),
        Column(
            "title",
            "VARCHAR",
            "m.title",
            "Such as `Chair` or `Ranking Member`.",
            _LEGISLATORS,
            "an ordinary member",
        ),
        Column(
            "side",
            "VARCHAR",
            "m.side",
            "`majority` or `minority`.",
            _LEGISLATORS,
            "the source does not say",
        ),
        _PERSON_IS_SYNTHETIC,
    ),
    "committee_memberships m join politicians p on p.id = m.politician_id",
    'm.committee_id collate "C", m.politician_id',
)

_NUMBER: Final = "the analytics of this platform"


def _computed(
    name: str, kind: ColumnType, meaning: str, null: str | None = None, unit: str | None = None
) -> Column:
    # Computed, hence without an expression over tables.
    return Column(name, kind, "", meaning, _NUMBER, null, unit)


# What ``/export/analysis`` gives as CSV and Parquet, made by ``quant.exports.analysis``.
ANALYSIS: Final = Table(
    "analysis",
    "One number, or one test, of a report on a politician.",
    (
        _computed("politician_id", "VARCHAR", "Identifier of the politician."),
        _computed(
            "bioguide_id",
            "VARCHAR",
            "Identifier in the Biographical Directory.",
            "a filer not matched to a member",
        ),
        _computed("analysis", "VARCHAR", "The report: `performance`, `patterns` or `anomalies`."),
        _computed("metric", "VARCHAR", "Where in the report it stands, parts separated by dots."),
        _computed(
            "horizon",
            "BIGINT",
            "Horizon it is of.",
            "of no horizon",
            "trading days",
        ),
        _computed("value", "DOUBLE", "The point estimate.", "a test alone, or too few data"),
        _computed("standard_error", "DOUBLE", "In the value's unit.", "none is given"),
        _computed("low", "DOUBLE", "Lower end of the 95 % confidence interval.", "none is given"),
        _computed("high", "DOUBLE", "Upper end of it.", "none is given"),
        _computed("p_value", "DOUBLE", "Of the method's null hypothesis.", "not tested", "0 to 1"),
        _computed(
            "q_value",
            "DOUBLE",
            "Corrected for testing many, as the method says.",
            "not corrected, or not tested",
            "0 to 1",
        ),
        _computed("n", "BIGINT", "Observations it rests on.", "not said"),
        _computed(
            "method_id",
            "VARCHAR",
            "Its method, of `GET /api/v1/methods`.",
            "the report names several, and not which one",
        ),
        _computed("data_version", "BIGINT", "Version of the disclosed data it was computed at."),
        _computed("synthetic", "BOOLEAN", _SYNTHETIC_MEANING),
    ),
    "",
    "",
)

# The research dataset, in the order its files are written.
DATASET: Final = (_COMMITTEES, _MEMBERSHIPS, _FILINGS, POLITICIANS, _TICKERS, _DATASET_TRADES)

# What somebody may look for in the dataset, and why it is not there.
LEFT_OUT: Final[Mapping[str, str]] = {
    "prices": "their licences do not allow it to be passed on; `ticker` and the dates are the key "
    "to any price source",
    "source rows": "each document's text is at `filing_url`, and `GET /api/v1/trades/{trade_id}` "
    "has the row as it was read",
}


# Where the dictionary stands in a page of the docs.
START: Final = "<!-- dictionary -->"
END: Final = "<!-- end of dictionary -->"


def document() -> dict[str, Any]:
    """Return the dataset's dictionary as ``dictionary.json`` holds it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tables": [
            {
                "name": table.name,
                "meaning": table.meaning,
                "order": table.order.replace(' collate "C"', ""),
                "columns": [
                    {
                        "name": column.name,
                        "type": column.type,
                        "unit": column.unit,
                        "meaning": column.meaning,
                        "source": column.source,
                        "null": column.null,
                    }
                    for column in table.columns
                ],
            }
            for table in DATASET
        ],
        "left_out": dict(LEFT_OUT),
    }


def markdown() -> str:
    """Return the dataset's dictionary as docs/research-dataset.md shows it."""
    lines: list[str] = []
    for table in DATASET:
        lines += [
            f"### {table.name}",
            "",
            table.meaning,
            "",
            "| column | type | unit | meaning | source | null means |",
            "|---|---|---|---|---|---|",
            *(
                f"| `{column.name}` | {column.type} | {column.unit or ''} | {column.meaning} "
                f"| {column.source} | {column.null or 'never null'} |"
                for column in table.columns
            ),
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    """Write the dictionary into a page, between its marks."""
    page = Path(sys.argv[1])
    before, mark, rest = page.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not mark or not end:
        msg = f"{page} has no marks"
        raise SystemExit(msg)
    page.write_text(f"{before}{START}\n\n{markdown()}\n{END}{after}")


if __name__ == "__main__":
    main()
