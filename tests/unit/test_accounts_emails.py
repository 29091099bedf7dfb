import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.accounts.emails import normalise
from quant.accounts.lengths import MAX_EMAIL
from quant.errors import InvalidInputError


@pytest.mark.parametrize(
    ("address", "normalised"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        (" ada@example.org ", "ada@example.org"),
        ("ada+tag@example.org", "ada+tag@example.org"),
        ("a.d.a@example.org", "a.d.a@example.org"),
        ("ada@B\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@\uff25xample.org", "ada@example.org"),
        ("o'hara/x=y@example.org", "o'hara/x=y@example.org"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
)
def test_one_form_of_an_address(address, normalised):
    assert normalise(address) == normalised
    assert normalise(normalised) == normalised


# Letters that Unicode folds to ASCII ones, and look-alikes that it does not.
@pytest.mark.parametrize("local", ["\u017fmith", "\u212aate", "m\u0131ke", "a\uff44a", "\u0430da"])
def test_no_folding_turns_an_address_into_somebody_elses(local):
    with pytest.raises(InvalidInputError):
        normalise(f"{local}@example.org")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_refused_or_normalised_for_good(local, domain):
    try:
        normalised = normalise(f"{local}@{domain}")
    except InvalidInputError:
        return
    assert normalised.isascii()
    assert normalised == normalised.lower()
    assert len(normalised) <= MAX_EMAIL
    assert not set(normalised) & set(' \r\n\t,;:<>()[]"\\')
    assert normalise(normalised) == normalised
