"""Limits on request bodies, held before anything parses them.

API Gateway lets 10 MB through, and a parser's work and depth of recursion are the sender's choice.
"""

import json
import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from quant_http.problems import problem

MAX_BODY_BYTES: Final = 64 * 1024
MAX_JSON_DEPTH: Final = 32
MEDIA_TYPE: Final = "application/json"
FORM_MEDIA_TYPES: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

# A string, an unterminated one to the end of the body, or a bracket. Possessive and with an
# optional end, so that no body takes more than one pass.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class BodyTooLargeError(Exception):
    """A request's body is longer than ``MAX_BODY_BYTES``."""


async def read_body(receive: Receive) -> bytes:
    """Return a request's body.

    Raises:
        BodyTooLargeError: It is longer than any this API takes.
    """
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLargeError
        more = message.get("more_body", False)
    return body


def replay(body: bytes) -> Receive:
    """Return what receives ``body`` anew."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def refuse_body(request: Request, body: bytes, *, takes_forms: bool = False) -> Response | None:
    """Return the problem with a request's body, or ``None`` if it may be handed on.

    Args:
        request: The request.
        body: Its body.
        takes_forms: Whether the route takes a body of an HTML form, which it does not read.
    """
    if not body:
        return None
    content_type = request.headers.get("content-type", "")
    if takes_forms and _media_type(content_type) in FORM_MEDIA_TYPES:
        return None
    if not _is_json(content_type):
        return problem(request, 415, f"the body must be {MEDIA_TYPE}")
    # A parser would take UTF-16 and UTF-32 too, in which the depth is not to be seen.
    if not json.detect_encoding(body).startswith("utf-8"):
        return problem(request, 400, "the body must be encoded in UTF-8")
    if json_depth(body) > MAX_JSON_DEPTH:
        return problem(request, 400, f"the body nests deeper than {MAX_JSON_DEPTH} levels")
    return None


def json_depth(body: bytes) -> int:
    """Return how deep arrays and objects nest in UTF-8 text that is meant to be JSON."""
    depth = deepest = 0
    for token in _TOKEN.finditer(body):
        character = token[0]
        if character in {b"[", b"{"}:
            depth += 1
            deepest = max(deepest, depth)
        elif character in {b"]", b"}"}:
            depth -= 1
    return deepest


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_json(content_type: str) -> bool:
    charset = content_type.partition(";")[2].strip().lower().removeprefix("charset=").strip('"')
    return _media_type(content_type) == MEDIA_TYPE and charset in {"", "utf-8"}
