"""Daily closing prices of the traded symbols, from a provider, in this project's columns.

``state/symbols.json`` says which symbols; the provider is ``QUANT_COLLECTOR_PRICES_PROVIDER``.
Adjusted closes change with every dividend and split, so each request begins with the last day
known: if its adjusted close is another one now, the symbol's whole history is fetched again.
"""

import csv
import io
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from pydantic import Field

from quant.collectors.price_providers import Price, PriceProvider
from quant.collectors.run import Run
from quant.collectors.state import SYMBOLS, State, Symbols
from quant.ingest.prices import HEADER
from quant.pipeline.raw import DocumentKind, RawDocument

FIRST_DAY: Final = date(2012, 1, 1)  # STOCK Act
# A symbol the provider does not know is asked for again after this long.
UNKNOWN_FOR: Final = timedelta(days=7)

# What a run that is killed has to fetch again at most.
_SYMBOLS_A_DOCUMENT: Final = 50

# Symbols of shares; options and indexes are not asked for.
_SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9]{0,5}([.-][A-Z0-9]{1,3})?", re.ASCII)


class SymbolState(State):
    """What is known of a symbol's prices.

    Attributes:
        asked_on: Day of the last answer.
        through: Day of the last price; None where the provider has none.
        adjusted_close: That day's adjusted close, in the provider's digits.
    """

    asked_on: date
    through: date | None = None
    adjusted_close: str | None = None

    def due_on(self) -> date:
        """Return the day from which the provider may have something new."""
        return self.asked_on + (timedelta(days=1) if self.through else UNKNOWN_FOR)


class PricesState(State):
    """What is known of each symbol's prices at one provider; those of two do not mix."""

    provider: str = ""
    symbols: dict[str, SymbolState] = Field(default_factory=dict)


def collect_prices(run: Run, provider: PriceProvider) -> None:
    """Fetch what is new of every symbol, first of those asked for longest ago.

    What was fetched before the provider or the deadline ended the run is kept.

    Raises:
        CollectionError: The provider gave something else, or nothing more for now.
    """
    state = run.states.load("prices", PricesState)
    if state.provider != provider.name:
        state = PricesState(provider=provider.name)
    # Today's prices are not final yet.
    until = run.today - timedelta(days=1)
    fetched: dict[str, Sequence[Price]] = {}
    try:
        for symbol in _due(run, state):
            known = state.symbols.get(symbol)
            fetched[symbol] = _fetch(run, provider, symbol, known, until)
            if len(fetched) == _SYMBOLS_A_DOCUMENT:
                state = _store(run, state, fetched)
                fetched = {}
    finally:
        if fetched:
            _store(run, state, fetched)


def _due(run: Run, state: PricesState) -> list[str]:
    wanted = filter(_SYMBOL.fullmatch, set(run.states.load(SYMBOLS, Symbols).symbols))
    due_on = {
        symbol: state.symbols[symbol].due_on() if symbol in state.symbols else date.min
        for symbol in wanted
    }
    return sorted(
        (symbol for symbol, day in due_on.items() if day <= run.today),
        key=lambda symbol: (due_on[symbol], symbol),
    )


def _fetch(
    run: Run, provider: PriceProvider, symbol: str, known: SymbolState | None, until: date
) -> Sequence[Price]:
    if known and known.through:
        prices = provider.fetch(run.client, symbol, known.through, until)
        last_known = (known.through, known.adjusted_close)
        if prices and (prices[0].day, prices[0].adjusted_close) == last_known:
            return prices
    return provider.fetch(run.client, symbol, FIRST_DAY, until)


def _store(run: Run, state: PricesState, fetched: dict[str, Sequence[Price]]) -> PricesState:
    content = _csv(fetched)
    if any(fetched.values()):
        run.keep(RawDocument(DocumentKind.PRICES, run.today, content, {"provider": state.provider}))
    news = {symbol: _known(prices, run.today) for symbol, prices in fetched.items()}
    state = state.model_copy(update={"symbols": {**state.symbols, **news}})
    run.states.save("prices", state)
    return state


def _known(prices: Sequence[Price], today: date) -> SymbolState:
    if not prices:
        return SymbolState(asked_on=today)
    last = prices[-1]
    return SymbolState(asked_on=today, through=last.day, adjusted_close=last.adjusted_close)


def _csv(fetched: dict[str, Sequence[Price]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for symbol, prices in sorted(fetched.items()):
        for price in prices:
            writer.writerow(
                (price.day.isoformat(), symbol, price.close, price.adjusted_close, price.volume)
            )
    return text.getvalue().encode()
