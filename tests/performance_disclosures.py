"""Synthetic members, trades, prices and factors in a database, for tests of abnormal returns."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from backtest_support import trading_days
from sqlalchemy import text
from sqlalchemy.orm import Session
from tests.integration.conftest import make_trade

from quant.db.models import Committee, CommitteeMembership, Filing, Politician, Ticker
from quant.identity import filing_id, politician_id

DAYS = 560
TICKERS = [f"T{number}" for number in range(8)]
UNPRICED = "NONE"
# Twelve members, of which the last has two trades; one trades what has no prices, one nothing.
MEMBERS = [f"M{number:06d}" for number in range(1, 13)]
WITHOUT_PRICES, WITHOUT_TRADES = "N000001", "S000001"
RANGES = [(1001, 15000), (15001, 50000), (50001, 100000), (50_000_001, None)]


def add_members(session: Session) -> None:
    """Add the members, half of them democrats, a third senators, four of them on a committee."""
    for number, name in enumerate([*MEMBERS, WITHOUT_PRICES, WITHOUT_TRADES]):
        session.add(
            Politician(
                id=politician_id(name),
                bioguide_id=name,
                full_name=f"Member {name}",
                sort_name=f"member, {name}",
                chamber="senate" if number % 3 == 0 else "house",
                party="democrat" if number < 6 else "republican",
                state="TX",
            )
        )
    session.add_all([Committee(id="HSBA", name="Financial Services", chamber="house")])
    session.flush()
    session.add(Committee(id="HSBA01", parent_id="HSBA", name="Capital Markets", chamber="house"))
    session.flush()
    for name in MEMBERS[:4]:
        for committee in ("HSBA", "HSBA01"):
            session.add(
                CommitteeMembership(committee_id=committee, politician_id=politician_id(name))
            )
    for name in (*MEMBERS, WITHOUT_PRICES):
        session.add(
            Filing(
                id=filing_id("house_clerk", name),
                source="house_clerk",
                doc_id=name,
                politician_id=politician_id(name),
                url=f"https://example.org/{name}",
            )
        )
    session.flush()


def add_trades(session: Session, rng: np.random.Generator) -> None:
    """Add 30 trades of each member, a few disclosed together, a few of no stock."""
    days = trading_days(DAYS, "2020-01-01")
    number = 50_000
    for name in MEMBERS:
        for place in range(2 if name == MEMBERS[-1] else 30):
            number += 1
            on = days[rng.integers(160, DAYS - 40)].item()
            low, high = RANGES[rng.choice(4, p=(0.5, 0.3, 0.15, 0.05))]
            add_trade(
                session,
                number,
                name,
                ticker=rng.choice(TICKERS),
                operation=rng.choice(["purchase", "sale_full", "exchange"], p=(0.5, 0.4, 0.1)),
                asset_type="stock" if place % 9 else "stock_option",
                transaction_date=on,
                disclosure_date=on + timedelta(days=int(rng.choice([10, 20, 30]))),
                amount_min=Decimal(low),
                amount_max=None if high is None else Decimal(high),
            )
    for place in range(3):
        add_trade(
            session,
            number + 1 + place,
            WITHOUT_PRICES,
            ticker=UNPRICED,
            transaction_date=date(2020, 9, 1),
            disclosure_date=date(2020, 9, 20),
        )
    session.flush()


def add_trade(session: Session, number: int, name: str, **changes: object) -> None:
    """Add one trade of a member."""
    session.add(make_trade(number, politician_id(name), filing_id("house_clerk", name), **changes))


def add_prices(session: Session, rng: np.random.Generator) -> None:
    """Add closes of the tickers and of the index, with a few missing, and daily factors."""
    days = trading_days(DAYS, "2020-01-01").tolist()
    session.add_all(Ticker(symbol=symbol) for symbol in (*TICKERS, UNPRICED, "SP500"))
    session.flush()
    factors = rng.normal(3e-4, 0.008, (DAYS, 3))
    index = 300 * np.exp(np.cumsum(factors[:, 0]))
    write_prices(session, "SP500", days, index)
    for place, symbol in enumerate(TICKERS):
        moves = (0.8 + 0.1 * place) * factors[:, 0] + rng.normal(0, 0.012, DAYS)
        write_prices(session, symbol, days, 40 * np.exp(np.cumsum(moves)), missing=50 + 40 * place)
    session.execute(
        text(
            "insert into factor_returns (frequency, day, market, smb, hml, risk_free)"
            " values ('daily', :day, :market, :smb, :hml, 0.00002)"
        ),
        [
            dict(zip(("day", "market", "smb", "hml"), (day, *row), strict=True))
            for day, row in zip(days, factors.tolist(), strict=True)
        ],
    )


def write_prices(
    session: Session,
    symbol: str,
    days: list[date],
    closes: np.ndarray,
    missing: int | None = None,
) -> None:
    """Add a ticker's closes, but for the one at the place ``missing``."""
    session.execute(
        text(
            "insert into prices (ticker, day, close, adjusted_close, source)"
            " values (:ticker, :day, :close, :close, 'test')"
        ),
        [
            {"ticker": symbol, "day": day, "close": close}
            for place, (day, close) in enumerate(zip(days, closes.tolist(), strict=True))
            if place != missing
        ],
    )
