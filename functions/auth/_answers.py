"""The answer that several routes of accounts give."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.responses import Response

from quant_http.responses import private_json

if TYPE_CHECKING:
    from quant.accounts.issuing import Tokens


def token_pair(tokens: "Tokens") -> Response:
    """Return the tokens of a session."""
    return private_json({"token_type": "Bearer", **asdict(tokens)})
