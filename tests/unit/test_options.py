from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.ingest.vocabulary import Note
from quant.parsers.model import OptionTerms
from quant.parsers.options import parse_option_terms
from quant.vocabulary import OptionType

CALL, PUT = OptionType.CALL, OptionType.PUT


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        (
            "Purchased 50 call options with a strike price of $150 and an expiration date of "
            "1/16/26.",
            OptionTerms(CALL, Decimal(150), date(2026, 1, 16), 50),
        ),
        (
            "Exercised 140 call options purchased 2/12/24 & 2/21/24 (14,000 shares) at a strike "
            "price of $100 with an expiration date of 12/20/24.",
            OptionTerms(CALL, Decimal(100), date(2024, 12, 20), 140, 14_000, exercised=True),
        ),
        (
            "Call options; Strike price $155; Expires 09/15/2023",
            OptionTerms(CALL, Decimal(155), date(2023, 9, 15)),
        ),
        (
            "Option Type: Put; Strike price: $1,045.50; Expires: 2026-08-21",
            OptionTerms(PUT, Decimal("1045.50"), date(2026, 8, 21)),
        ),
        # The dollars are the premium, and in the next one the number is the strike price.
        ("10 puts at $11.80", OptionTerms(PUT, contracts=10)),
        ("Bought NVDA 150 calls", OptionTerms(CALL)),
        ("Sold 1,000 EXMP put contracts", OptionTerms(PUT, contracts=1000)),
        ("20 call options expired unexercised", OptionTerms(CALL, contracts=20)),
    ],
)
def test_terms_read(text, terms):
    assert parse_option_terms(text) == (terms, None)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Sold 31,600 shares.",
        "Capital call of $40,112.60",
        "Called security.",
        "Call with the broker on 1/16/26 about 50 shares",
        "The fund has put 50 shares aside",
    ],
)
def test_no_option_named(text):
    assert parse_option_terms(text) == (None, None)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        (
            "Sold 10 call options with a strike price of $50 and bought 10 put options with a "
            "strike price of $40, expiring 1/16/26",
            OptionTerms(None, None, date(2026, 1, 16), 10),
        ),
        ("Purchased 5 calls, strike prices $10 & $20", OptionTerms(CALL, contracts=5)),
        ("Purchased 5 call options, expires 13/45/26", OptionTerms(CALL, contracts=5)),
        ("Purchased 5 call options at a strike of ten", OptionTerms(CALL, contracts=5)),
    ],
)
def test_what_is_unclear_is_null_with_a_note(text, terms):
    assert parse_option_terms(text) == (terms, Note.OPTION_TERMS_UNCLEAR)


WORDS = st.one_of(
    st.sampled_from(["call", "put", "options", "strike price", "expires", "exercised", "shares"]),
    st.sampled_from(["1/16/26", "0/0/00", "2026-02-30", "50", "1,0", "9" * 20, "contracts"]),
    st.sampled_from(["of", "$", "&", ".", ";", ":"]),
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=30).map(" ".join)))
def test_any_text_gives_terms_or_none(text):
    terms, _ = parse_option_terms(text)
    assert terms is None or isinstance(terms, OptionTerms)
