from decimal import Decimal

import pytest

from quant.parsers.tickers import Resolution, normalise_asset, resolve, split_symbol
from quant.vocabulary import AssetType

KNOWN = {
    "apple inc common stock": "AAPL",
    "alphabet inc class a common stock": "GOOGL",
    "alphabet inc class c capital stock": "GOOG",
}


@pytest.mark.parametrize(
    ("text", "name", "symbol"),
    [
        ("Apple Inc. (AAPL)", "Apple Inc.", "AAPL"),
        ("Berkshire Hathaway Inc. (BRK.B)", "Berkshire Hathaway Inc.", "BRK.B"),
        ("MetLife Depositary Shares (MET$E)", "MetLife Depositary Shares", "MET$E"),
        ("Visa Inc. (V) ", "Visa Inc.", "V"),
        ("Apple Inc. (AAPl)", "Apple Inc.", "AAPL"),  # fonts before 2022
        ("american Express Company (aXP)", "american Express Company", "AXP"),
    ],
)
def test_symbol_stated(text, name, symbol):
    assert split_symbol(text) == (name, symbol)


@pytest.mark.parametrize(
    "text",
    [
        "Apple Inc.",
        "Example Bank (New)",
        "Example SA (ADR)",
        "Example Bond 2.5% (912828XX9)",
        "Example (EXMP) Fund",
        "Example (a)",
        "Example (LONGERNAME)",
        "(AAPL)",
        "",
    ],
)
def test_no_symbol_stated(text):
    assert split_symbol(text) == (text, None)


def test_a_stated_symbol_is_certain():
    assert resolve("Anything at all (XYZ)", None, KNOWN) == Resolution("XYZ", Decimal(1))


def test_exactly_the_same_name_is_less_certain():
    assert normalise_asset("APPLE, INC.  Common Stock") == "apple inc common stock"
    resolution = resolve("APPLE, INC.  Common Stock", AssetType.STOCK, KNOWN)
    assert resolution == Resolution("AAPL", Decimal("0.9"))


def test_likeness_gives_candidates_only():
    assert resolve("Alphabet", AssetType.STOCK, KNOWN) == Resolution(None, None, ("GOOG", "GOOGL"))
    assert resolve("Apple", AssetType.STOCK_OPTION, KNOWN) == Resolution(None, None, ("AAPL",))
    assert resolve("Apple Hospitality", AssetType.STOCK, KNOWN) == Resolution(None, None)


@pytest.mark.parametrize(
    "asset_type",
    [AssetType.CORPORATE_BOND, AssetType.GOVERNMENT_SECURITY, AssetType.NON_PUBLIC_STOCK],
)
def test_what_is_not_listed_gets_no_symbol_by_name(asset_type):
    assert resolve("Apple Inc. - Common Stock", asset_type, KNOWN) == Resolution(None, None)


@pytest.mark.parametrize("text", ["", "   ", "???", "Inc.", "株式会社"])
def test_names_without_words(text):
    assert resolve(text, AssetType.STOCK, KNOWN) == Resolution(None, None)
