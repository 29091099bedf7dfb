import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.errors import InvalidCursorError
from quant.paging import decode_cursor, encode_cursor, query_digest


@given(st.text(), st.text())
def test_cursor_round_trips(key, row_id):
    cursor = encode_cursor("digest", key, row_id)
    assert decode_cursor(cursor, "digest") == (key, row_id)


def test_cursor_is_refused_for_other_filters():
    cursor = encode_cursor(query_digest({"ticker": "MSFT"}), "2020-01-01", "id")
    with pytest.raises(InvalidCursorError, match="other filters"):
        decode_cursor(cursor, query_digest({"ticker": "AAPL"}))


@pytest.mark.parametrize(
    "content", [b"", b"not json", json.dumps(["d", "k"]).encode(), json.dumps({}).encode(), b"\xff"]
)
def test_malformed_cursor_is_refused(content):
    cursor = base64.urlsafe_b64encode(content).decode().rstrip("=")
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, "d")


@given(st.text(max_size=200))
def test_no_text_crashes_the_decoder(cursor):
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, "digest no cursor was issued for")


def test_digest_ignores_absent_filters_and_order():
    assert query_digest({"a": 1, "b": None}) == query_digest({"b": None, "a": 1})
    assert query_digest({"a": 1}) == query_digest({"a": 1, "b": None})
    assert query_digest({"a": 1}) != query_digest({"a": 2})
