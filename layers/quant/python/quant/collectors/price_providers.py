"""Providers of daily prices; each turns its own CSV into the same prices.

Sources: https://www.tiingo.com/documentation/end-of-day (Tiingo);
https://stooq.com/db/h/ (Stooq, whose downloads need a free key since 2026).
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol

from quant.collectors.errors import CollectionError, layout_changed
from quant.collectors.http import PoliteClient
from quant.errors import QuantError
from quant.pipeline.sources import CollectionOutcome

_MAX_BYTES: Final = 8 * 1024 * 1024


class UnknownProviderError(QuantError):
    """There is no price provider of that name."""


@dataclass(frozen=True, slots=True)
class Price:
    """A day's price of a symbol, in the provider's own digits.

    Attributes:
        day: Trading day.
        close: Close, US dollars.
        adjusted_close: Close adjusted for splits and dividends.
        volume: Shares traded; empty where the provider does not say.
    """

    day: date
    close: str
    adjusted_close: str
    volume: str


class PriceProvider(Protocol):
    """Asks a provider for prices."""

    @property
    def name(self) -> str:
        """Name, kept with the prices."""

    @property
    def base_url(self) -> str:
        """Its site."""

    def fetch(self, client: PoliteClient, symbol: str, since: date, until: date) -> list[Price]:
        """Return a symbol's prices in a span of days, the oldest first; none if it is unknown.

        Raises:
            CollectionError: The provider gave something else.
        """


@dataclass(frozen=True, slots=True)
class Tiingo:
    """Tiingo's end-of-day prices: closes as traded and adjusted."""

    key: str
    base_url: str = "https://api.tiingo.com"
    name: str = "tiingo"

    def fetch(self, client: PoliteClient, symbol: str, since: date, until: date) -> list[Price]:
        """See ``PriceProvider``."""
        path = f"/tiingo/daily/{symbol.replace('.', '-')}/prices"
        reply = client.get(
            path,
            max_bytes=_MAX_BYTES,
            params={
                "startDate": since.isoformat(),
                "endDate": until.isoformat(),
                "format": "csv",
            },
            headers={"Authorization": f"Token {self.key}"},
        )
        if reply.status == 404:
            return []
        text = _text(reply.content, path)
        if "request allocation" in text[:200]:
            raise _throttled(path, 3600)
        if text.strip() in {"", "[]"}:
            return []
        return _rows(text, path, ("date", "close", "adjClose", "volume"))


@dataclass(frozen=True, slots=True)
class Stooq:
    """Stooq's daily prices: one close, adjusted for splits and dividends, which stands for both."""

    key: str
    base_url: str = "https://stooq.com"
    name: str = "stooq"

    def fetch(self, client: PoliteClient, symbol: str, since: date, until: date) -> list[Price]:
        """See ``PriceProvider``."""
        path = "/q/d/l/"
        reply = client.get(
            path,
            max_bytes=_MAX_BYTES,
            params={
                "s": f"{symbol.replace('.', '-').lower()}.us",
                "d1": f"{since:%Y%m%d}",
                "d2": f"{until:%Y%m%d}",
                "i": "d",
                "apikey": self.key,
            },
        )
        text = _text(reply.content, path)
        if text.strip() == "No data":
            return []
        if text.startswith("Exceeded the daily hits limit"):
            raise _throttled(path, 12 * 3600)
        if text.lstrip().startswith("Get your apikey"):
            raise CollectionError(CollectionOutcome.REFUSED, f"{path}: the key is not accepted")
        return _rows(text, path, ("Date", "Close", "Close", "Volume"))


_PROVIDERS: Final[Mapping[str, Callable[..., PriceProvider]]] = {
    "stooq": Stooq,
    "tiingo": Tiingo,
}


def provider_of(name: str, key: str, base_url: str | None = None) -> PriceProvider:
    """Return the provider of a name.

    Args:
        name: ``stooq`` or ``tiingo``.
        key: The account's key.
        base_url: Its site, if not the usual one.

    Raises:
        UnknownProviderError: There is none.
    """
    if name not in _PROVIDERS:
        msg = f"no price provider {name!r}; there are {', '.join(sorted(_PROVIDERS))}"
        raise UnknownProviderError(msg)
    return _PROVIDERS[name](key, **({"base_url": base_url} if base_url else {}))


def _throttled(path: str, pause_s: float) -> CollectionError:
    return CollectionError(
        CollectionOutcome.THROTTLED, f"{path}: no more requests for now", retry_after_s=pause_s
    )


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise layout_changed(f"{path}: not text") from error


def _rows(text: str, path: str, columns: tuple[str, str, str, str]) -> list[Price]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    # Where no day has a volume, its column may be absent.
    if missing := set(columns[:3]) - set(reader.fieldnames or ()):
        raise layout_changed(f"{path}: no column {', '.join(sorted(missing))} in {text[:40]!r}")
    try:
        prices = [_price([row.get(column) or "" for column in columns]) for row in reader]
    except (csv.Error, ValueError, InvalidOperation) as error:
        raise layout_changed(f"{path}: line {reader.line_num} is no price") from error
    return sorted(prices, key=lambda price: price.day)


def _price(cells: Sequence[str]) -> Price:
    day, close, adjusted_close, volume = (cell.strip() for cell in cells)
    for number in (close, adjusted_close):
        if not Decimal(number).is_finite() or Decimal(number) <= 0:
            msg = f"not a price: {number!r}"
            raise ValueError(msg)
    if volume and not (Decimal(volume).is_finite() and Decimal(volume) >= 0):
        msg = f"not a volume: {volume!r}"
        raise ValueError(msg)
    # Tiingo writes the time of the day's midnight behind it.
    return Price(date.fromisoformat(day[:10]), close, adjusted_close, volume)
