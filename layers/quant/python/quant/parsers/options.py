"""Read the terms of an option out of what a filer wrote.

Descriptions are free text; most follow one of these:

- ``Purchased 50 call options with a strike price of $150 and an expiration date of 1/16/26.``
- ``Exercised 500 call options purchased 11/22/23 (50,000 shares) at a strike price of $12 with an
  expiration date of 12/20/24.``
- ``Call options; Strike price $155; Expires 09/15/23``
- ``Option Type: Put; Strike price: $45.00; Expires: 2026-08-21`` (Senate)
- ``10 puts at $11.80``, where the price is the premium and no strike is stated
"""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final

from quant.ingest.values import parse_date
from quant.ingest.vocabulary import Note
from quant.parsers.model import OptionTerms
from quant.vocabulary import OptionType

_FLAGS: Final = re.IGNORECASE | re.ASCII

# A "capital call" and a "called bond" are no options: the word stands beside "option", or is the
# plural after a number.
_KIND: Final = re.compile(
    r"\b(call|put)s?\s+(?:options?|contracts?)\b"
    r"|\boptions?\s+(?:type\s*:\s*)?\(?(call|put)s?\b"
    r"|\d\s+(call|put)s\b",
    _FLAGS,
)
_COUNT: Final = r"(?<![\d$.,/-])(\d{1,3}(?:,\d{3}){1,2}|\d{1,9})"
# Behind a verb or at the beginning: in "NVDA 150 calls" the number is the strike price.
_CONTRACTS: Final = re.compile(
    r"(?:^|[.;:,(]\s*|\b(?:assign|bought|clos|exercis|open|purchas|sale\s+of|sold|wrote)\w*\s+)"
    rf"{_COUNT}\s+(?:[\w.&]+\s+)?"
    r"(?:(?:call|put)s?\s+(?:options?|contracts?)|option\s+contracts?|options|contracts|calls|puts)\b",
    _FLAGS,
)
_SHARES: Final = re.compile(rf"{_COUNT}\s+shares\b", _FLAGS)
_STRIKE: Final = re.compile(
    r"\bstrike(?:\s+price)?s?(?:\s+(?:of|at|is))?\s*:?\s*\$?\s*"
    r"(\d{1,3}(?:,\d{3}){1,2}(?:\.\d{1,4})?|\d{1,9}(?:\.\d{1,4})?)"
    # No part of a number, a date or a percentage, and not the first of several prices.
    r"(?![\d/%]|[.,]\d|\s*(?:&|and|or|to|-)\s*\$?\d)",
    _FLAGS,
)
_EXPIRES: Final = re.compile(
    r"\bexp(?:\.|\b|ir(?:es|y|ing|ed|ation))\s*(?:dates?)?\s*(?:of|on|is)?\s*:?\s*"
    r"(\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})|\d{4}-\d{2}-\d{2})(?![\d/])",
    _FLAGS,
)
_STRIKE_NAMED: Final = re.compile(r"\bstrike", _FLAGS)
_EXERCISED: Final = re.compile(r"(?:^|[.;]\s*)exercis(?:ed|ing|e\s+of)\b", _FLAGS)
_SHORT_YEAR: Final = re.compile(r"(\d{1,2}/\d{1,2}/)(\d{2})", re.ASCII)


def parse_option_terms(text: str | None) -> tuple[OptionTerms | None, Note | None]:
    """Read the terms of the option that a description names.

    A term that is stated with different values, as where one line is about two options, is None.

    Returns:
        The terms, None where the text names no option; a note where a stated term is unclear.
    """
    if not text or not _KIND.search(text):
        return None, None
    kinds = {next(filter(None, match.groups())).lower() for match in _KIND.finditer(text)}
    strikes = {Decimal(match[1].replace(",", "")) for match in _STRIKE.finditer(text)}
    expirations = {_expiration(match[1]) for match in _EXPIRES.finditer(text)}
    contracts = _counts(_CONTRACTS.finditer(text))
    shares = _counts(_SHARES.finditer(text))
    terms = OptionTerms(
        option_type=_only({OptionType(kind) for kind in kinds}),
        strike=_only(strikes),
        expires=_only(expirations),
        contracts=_only(contracts),
        shares=_only(shares),
        exercised=_EXERCISED.search(text) is not None,
    )
    stated = (kinds, strikes, expirations, contracts, shares)
    unclear = (
        any(len(values) > 1 for values in stated)
        or None in expirations
        or (not strikes and _STRIKE_NAMED.search(text) is not None)
    )
    return terms, Note.OPTION_TERMS_UNCLEAR if unclear else None


def _only[T](values: set[T]) -> T | None:
    return next(iter(values)) if len(values) == 1 else None


def _counts(matches: Iterable[re.Match[str]]) -> set[int]:
    return {int(match[1].replace(",", "")) for match in matches}


def _expiration(text: str) -> date | None:
    """Read a date; a year of two digits is one of this century, in which the STOCK Act is."""
    if match := _SHORT_YEAR.fullmatch(text):
        text = f"{match[1]}20{match[2]}"
    return parse_date(text)
