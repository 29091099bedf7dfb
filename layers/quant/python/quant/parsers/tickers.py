"""Find the exchange symbol of an asset in its text, or by its name; never by likeness alone.

The electronic House form puts the symbol of a listed asset in parentheses behind its name.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from quant.ingest.names import fold
from quant.vocabulary import AssetType

STATED: Final = Decimal(1)
BY_NAME: Final = Decimal("0.9")

# Up to five letters and a class or series: BRK.B, BF-B, MET$E.
_SYMBOL: Final = re.compile(r"\(([A-Za-z]{1,5}(?:[.\-/$][A-Za-z]{1,2})?)\)$")
# What stands in parentheses behind names as well, and is no symbol.
_NO_SYMBOLS: Final = frozenset({"ADR", "ADS", "ETF", "ETN", "IRA", "LLC", "LLP", "PLC", "REIT"})

# Assets of these kinds are traded under the symbol that their name has.
_LISTED: Final = frozenset({AssetType.STOCK, AssetType.STOCK_OPTION, AssetType.FUND, None})

_WORD: Final = re.compile(r"[a-z0-9]+")
# Words that say how a company is incorporated or which of its papers it is, not which company.
_FORM_WORDS: Final = frozenset(
    {"ads", "adr", "and", "class", "co", "common", "company", "corp", "corporation", "cap"}
    | {"capital", "depositary", "each", "group", "holding", "holdings", "inc", "incorporated"}
    | {"limited", "llc", "lp", "ltd", "new", "nv", "of", "ordinary", "plc", "registry"}
    | {"representing", "sa", "se", "share", "shares", "sponsored", "stock", "the", "unsponsored"}
)
_MAX_CANDIDATES: Final = 10


class Resolution(NamedTuple):
    """The outcome of a search for a symbol.

    Attributes:
        symbol: None where there is no symbol beyond doubt.
        confidence: 1 where the text states the symbol, less by name; None without a symbol.
        candidates: Symbols a reviewer may choose from, in order.
    """

    symbol: str | None
    confidence: Decimal | None
    candidates: tuple[str, ...] = ()


_UNRESOLVED: Final = Resolution(None, None)


def split_symbol(asset: str) -> tuple[str, str | None]:
    """Split ``'Apple Inc. (AAPL)'`` into ``('Apple Inc.', 'AAPL')``; None where none is stated."""
    match = _SYMBOL.search(asset.rstrip())
    if match is None:
        return asset, None
    stated, name = match[1], asset[: match.start()].rstrip()
    # The fonts of reports before 2022 lack some capitals: (AAPl), (aXP). But (New) is a word.
    word = not stated.isupper() and (stated.islower() or stated.istitle())
    if word or stated.upper() in _NO_SYMBOLS or not name:
        return asset, None
    return name, stated.upper()


def normalise_asset(asset: str) -> str:
    """Return an asset's name for comparison: lower-case ASCII words, one space between."""
    return " ".join(_WORD.findall(fold(asset)))


def resolve(asset: str, asset_type: AssetType | None, known: Mapping[str, str]) -> Resolution:
    """Find an asset's symbol.

    Args:
        asset: Its description, without the asset code.
        asset_type: A kind that is not listed has no symbol but a stated one.
        known: Symbols by normalised name.

    Returns:
        The stated symbol; else that of exactly the same name; else none, with the symbols of
        names that differ only in the form of the company or the class of its paper.
    """
    _, stated = split_symbol(asset)
    if stated is not None:
        return Resolution(stated, STATED)
    if asset_type not in _LISTED:
        return _UNRESOLVED
    name = normalise_asset(asset)
    if name in known:
        return Resolution(known[name], BY_NAME)
    core = _core(name)
    if not core:
        return _UNRESOLVED
    alike = {symbol for other, symbol in known.items() if _core(other) == core}
    return Resolution(None, None, tuple(sorted(alike)[:_MAX_CANDIDATES]))


@lru_cache(maxsize=50_000)
def _core(name: str) -> str:
    """Return the words that tell companies apart; a class's single letter is none of them."""
    words = [word for word in name.split() if word not in _FORM_WORDS]
    return " ".join(word for word in words if len(word) > 1 or len(words) == 1)
