"""Answers that must not be kept by anybody."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from quant_http.json import dump_json

if TYPE_CHECKING:
    from quant.accounts.issuing import Tokens

NO_STORE: Final = {"Cache-Control": "no-store"}
NO_STORE_HEADERS: Final[dict[str, Any]] = {
    "Cache-Control": {
        "description": "Must not be kept.",
        "schema": {"type": "string"},
        "example": "no-store",
    }
}


def private_json(document: Any, status: int = 200) -> Response:
    """Return a document that no cache may keep."""
    return Response(dump_json(document), status, media_type="application/json", headers=NO_STORE)


def no_content() -> Response:
    """Return an empty answer that no cache may keep."""
    return Response(status_code=204, headers=NO_STORE)


def token_pair(tokens: "Tokens") -> Response:
    """Return the tokens of a session."""
    return private_json({"token_type": "Bearer", **asdict(tokens)})
