"""Generate a small labelled-synthetic data set in the formats of the real sources.

Nothing in it can be taken for a real person or company: members are called "Synthetic Member 01"
and sit for the state ZZ, their identifiers start with Z9, tickers are SYN01 and so on, every asset
says "(synthetic)", and links have the host ``synthetic.invalid``. The same seed always gives the
same files. Its rows cover the dirt of the real sources, so that every path of the import runs.
"""

import csv
import json
import math
import random
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from quant.identity import stable_id
from quant.ingest.legislators import SYNTHETIC_PREFIX
from quant.ingest.prices import HEADER
from quant.ingest.watchers import SYNTHETIC_HOST

PRICE_LABEL: Final = "synthetic"

_SENATORS: Final = 6
_REPRESENTATIVES: Final = 14
_TICKERS: Final = tuple(f"SYN{number:02}" for number in range(1, 25))
INDEX: Final = "SYNIX"  # of the whole fictitious market
_AMOUNTS: Final = (
    *("$1,001 - $15,000",) * 12,
    *("$15,001 - $50,000",) * 5,
    *("$50,001 - $100,000",) * 2,
    "$100,001 - $250,000",
)
_FIRST_DAY: Final = date(2019, 1, 2)
_DAYS: Final = 6 * 365


def _name(number: int) -> str:
    return f"Synthetic Member {number:02}"


def _bioguide(number: int) -> str:
    return f"{SYNTHETIC_PREFIX}{number:05}"


def _us(day: date) -> str:
    return day.strftime("%m/%d/%Y")


def legislators() -> list[dict[str, Any]]:
    """Return members in the format of ``legislators-current.yaml``."""
    members = []
    for number in range(1, _SENATORS + _REPRESENTATIVES + 1):
        senator = number <= _SENATORS
        seat = {"class": 1 + number % 3} if senator else {"district": number - _SENATORS}
        members.append(
            {
                "id": {"bioguide": _bioguide(number)},
                "name": {
                    "first": "Synthetic",
                    "last": f"Member {number:02}",
                    "official_full": _name(number),
                },
                "terms": [
                    {
                        "type": "sen" if senator else "rep",
                        "start": "2019-01-03",
                        "end": "2031-01-03",
                        "state": "ZZ",
                        **seat,
                        "party": ("Democrat", "Republican", "Independent")[
                            2 if number % 10 == 0 else number % 2
                        ],
                    }
                ],
            }
        )
    return members


def committees() -> list[dict[str, Any]]:
    """Return committees in the format of ``committees-current.yaml``."""
    return [
        {
            "type": chamber,
            "name": f"Synthetic {chamber.title()} Committee {number}",
            "thomas_id": f"{chamber[0].upper()}SZ{number}",
            "subcommittees": [{"name": "Synthetic Subcommittee", "thomas_id": "01"}],
        }
        for chamber in ("senate", "house")
        for number in (1, 2)
    ]


def memberships() -> dict[str, list[dict[str, Any]]]:
    """Return seats in the format of ``committee-membership-current.yaml``."""
    seats: dict[str, list[dict[str, Any]]] = {}
    for committee in committees():
        senate = committee["type"] == "senate"
        first = 1 if senate else _SENATORS + 1
        last = _SENATORS if senate else _SENATORS + _REPRESENTATIVES
        offset = int(committee["thomas_id"][-1])
        seats[committee["thomas_id"]] = [
            {
                "name": _name(number),
                "bioguide": _bioguide(number),
                "party": "majority" if number % 2 else "minority",
                "rank": rank,
                **({"title": "Chairman"} if rank == 1 else {}),
            }
            for rank, number in enumerate(range(first + offset - 1, last + 1, 2), 1)
        ]
    return seats


def _trade(draw: random.Random, filed: date) -> dict[str, str]:
    ticker = draw.choice(_TICKERS)
    return {
        "transaction_date": _us(filed - timedelta(days=draw.randint(3, 44))),
        "ticker": ticker,
        "asset_description": f"Fictitious Holdings {ticker[3:]} (synthetic)",
        "asset_type": "Stock",
        "amount": draw.choice(_AMOUNTS),
    }


def senate_rows(seed: int) -> list[dict[str, str]]:
    """Return transactions in the format of Senate Stock Watcher."""
    draw = random.Random(seed)  # noqa: S311 (sample data, not a secret)
    rows: list[dict[str, str]] = []
    for filing in range(120):
        doc_id = stable_id("synthetic filing", seed, filing)
        number = 1 + filing % _SENATORS
        filed = _FIRST_DAY + timedelta(days=45 + draw.randrange(_DAYS))
        lines = [
            _senate_row(draw, number, doc_id, _trade(draw, filed))
            for _ in range(draw.randint(1, 8))
        ]
        rows += lines
        if filing % 35 == 0:  # an amendment repeats the filing it amends
            amendment = _senate_link(stable_id("synthetic amendment", seed, filing))
            rows += [{**line, "ptr_link": amendment} for line in lines]
        if filing % 41 == 0:  # two identical lines
            rows.append(dict(lines[0]))
    for filing in range(4):
        rows.append(_paper_row(filing, stable_id("synthetic paper", seed, filing)))
    rows[1]["asset_description"] += (
        ' <div class="text-muted">Option Type: Put <br><em>Strike price:</em> $10.00 </div>'
    )
    rows[1]["asset_type"] = "Stock Option"
    rows[2]["ticker"] = "--"
    return rows


def _senate_link(doc_id: uuid.UUID, kind: str = "ptr") -> str:
    return f"https://{SYNTHETIC_HOST}/search/view/{kind}/{doc_id}/"


def _senate_row(
    draw: random.Random, number: int, doc_id: uuid.UUID, trade: dict[str, str]
) -> dict[str, str]:
    return {
        **trade,
        "owner": draw.choice(("Self", "Spouse", "Joint", "Child")),
        "type": draw.choice(("Purchase", "Purchase", "Sale (Full)", "Sale (Partial)", "Exchange")),
        "comment": "--",
        "senator": _name(number),
        "ptr_link": _senate_link(doc_id),
    }


def _paper_row(filing: int, doc_id: uuid.UUID) -> dict[str, str]:
    return {
        "transaction_date": _us(_FIRST_DAY + timedelta(days=100 * (filing + 1))),
        "owner": "N/A",
        "ticker": "N/A",
        "asset_description": "Scanned filing (synthetic)",
        "asset_type": "PDF Disclosed Filing",
        "type": "N/A",
        "amount": "Unknown",
        "comment": "",
        "senator": _name(1 + filing),
        "ptr_link": _senate_link(doc_id, "paper"),
    }


def house_filings(seed: int) -> dict[str, date]:
    """Return the day of filing of each House filing by its document id."""
    draw = random.Random(seed + 2)  # noqa: S311 (sample data, not a secret)
    return {
        f"9{filing:07}": _FIRST_DAY + timedelta(days=45 + draw.randrange(_DAYS))
        for filing in range(200)
    }


def house_rows(seed: int) -> list[dict[str, str]]:
    """Return transactions in the format of House Stock Watcher."""
    draw = random.Random(seed + 1)  # noqa: S311 (sample data, not a secret)
    rows: list[dict[str, str]] = []
    for filing, (doc_id, filed) in enumerate(house_filings(seed).items()):
        number = _SENATORS + 1 + filing % _REPRESENTATIVES
        rows += [
            {
                **_trade(draw, filed),
                # Like the real file, it has the notification date under this name.
                "disclosure_date": _us(filed - timedelta(days=draw.randint(0, 3))),
                "type": draw.choice(("Purchase", "Sale", "Sale", "Purchase", "Exchange")),
                "representative": _name(number),
                "district": f"ZZ{number - _SENATORS:02}",
                "owner": draw.choice(("Self", "Spouse", "Joint", "Dependent Child")),
                "filing_id": doc_id,
                "source_url": f"https://{SYNTHETIC_HOST}/ptr-pdfs/{filed.year}/{doc_id}.pdf",
            }
            for _ in range(draw.randint(1, 6))
        ]
    rows[0]["amount"] = "$15,001 -"
    rows[1]["amount"] = "$50,001 -\n$100,000"
    rows[2]["amount"] = "$123.45"
    rows[3]["disclosure_date"] = "01/02/1935"
    rows[4]["transaction_date"] = rows[4]["transaction_date"][:6] + "2202"
    return rows


def price_rows(seed: int) -> list[tuple[str, str, str, str, str]]:
    """Return weekday closes of the fictitious market's index and tickers.

    The index is a geometric random walk; a ticker's log returns are its beta times those of the
    index, a drift of its own, and noise (the market model).
    """
    draw = random.Random(seed + 2)  # noqa: S311 (sample data, not a secret)
    days = [_FIRST_DAY + timedelta(days=offset) for offset in range(_DAYS + 90)]
    days = [day for day in days if day.weekday() < 5]
    market = [draw.gauss(0.0003, 0.01) for _ in days]
    rows = _walk(INDEX, 1000, days, market, draw)
    for ticker in _TICKERS:
        price, beta, drift = draw.uniform(15, 250), draw.uniform(0.6, 1.5), draw.gauss(0, 0.0002)
        returns = [beta * common + draw.gauss(drift, 0.012) for common in market]
        rows += _walk(ticker, price, days, returns, draw)
    return rows


def _walk(
    ticker: str,
    price: float,
    days: Sequence[date],
    log_returns: Sequence[float],
    draw: random.Random,
) -> list[tuple[str, str, str, str, str]]:
    rows = []
    for day, log_return in zip(days, log_returns, strict=True):
        price *= math.exp(log_return)
        close = f"{price:.4f}"
        rows.append((day.isoformat(), ticker, close, close, str(draw.randint(10_000, 9**7))))
    return rows


def write_sample(folder: Path, seed: int = 20120404) -> None:
    """Write the data set to ``legislators/``, ``senate/``, ``house/`` and ``prices/`` of a folder.

    Args:
        folder: An existing folder.
        seed: The same seed gives the same files; by default the day the STOCK Act was signed.
    """
    _write_yaml(folder / "legislators" / "legislators-current.yaml", legislators())
    _write_yaml(folder / "legislators" / "committees-current.yaml", committees())
    _write_yaml(folder / "legislators" / "committee-membership-current.yaml", memberships())
    _write_json(folder / "senate" / "senate_stock_watcher_synthetic.json", senate_rows(seed))
    _write_json(folder / "house" / "house_stock_watcher_synthetic.json", house_rows(seed))
    _write_filing_indexes(folder / "house", house_filings(seed))
    path = folder / "prices" / "prices_synthetic.csv"
    path.parent.mkdir()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(price_rows(seed))


def _write_filing_indexes(folder: Path, filings: dict[str, date]) -> None:
    # The index lags behind: the last filings are not in it yet.
    listed = list(filings.items())[:-5]
    for year in sorted({filed.year for _, filed in listed}):
        root = ET.Element("FinancialDisclosure")
        for doc_id, filed in listed:
            if filed.year == year:
                _add_filing(root, doc_id, filed)
        path = folder / f"{year}FD.xml"
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _add_filing(root: ET.Element, doc_id: str, filed: date) -> None:
    member = ET.SubElement(root, "Member")
    for tag, text in {
        "Prefix": "",
        "Last": "",
        "First": "",
        "Suffix": "",
        "FilingType": "P",
        "StateDst": "",
        "Year": str(filed.year),
        "FilingDate": _us(filed),
        "DocID": doc_id,
    }.items():
        ET.SubElement(member, tag).text = text


def _write_yaml(path: Path, document: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _write_json(path: Path, rows: Sequence[dict[str, str]]) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
