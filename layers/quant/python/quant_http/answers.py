"""Answers that the cache keeps: what they are named by, what is kept of them, how they are sent.

An answer is named by its route, path and parameters as the client wrote them. Only what was valid
is kept, so that nothing has to be validated to give it again; and endpoints whose answers are kept
are not told who asks (``quant_http.guard``).
"""

import hashlib
import zlib
from dataclasses import dataclass
from typing import Final, Self

from starlette.requests import Request
from starlette.responses import Response

from quant.cache import AnswerCache
from quant_http.routes import Route

# Answers depend on who asks only through authorisation, but shared caches must not keep them.
PRIVATE: Final = "private, no-cache"
# Smaller bodies grow or hardly shrink when compressed.
COMPRESS_FROM_BYTES: Final = 1024

# Lists shrink to a sixth, by the best level to 1 % less in twice the time.
_LEVEL: Final = 6
# What zlib takes for the format of gzip: https://docs.python.org/3/library/zlib.html#zlib.compress
_GZIP: Final = 31
_COMPRESSED, _PLAIN, _STATELESS = b"gzip", b"identity", b"-"
_SEPARATOR: Final = b"\n"

cache: Final = AnswerCache()


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A JSON document as the cache keeps it.

    Attributes:
        tag: Its entity tag.
        state: Number of what it depends on besides request and data, if there is such a thing.
        compressed: Whether ``content`` is in the format of gzip.
        content: The document.
    """

    tag: str
    state: int | None
    compressed: bool
    content: bytes

    @classmethod
    def of(cls, document: bytes, state: int | None, request: Request) -> Self:
        """Return what is kept of a document, in the form that the request takes.

        Most clients take it compressed; nobody waits for a form that none has asked for.
        """
        tag = entity_tag(document)
        if len(document) < COMPRESS_FROM_BYTES or not _takes_gzip(request):
            return cls(tag, state, compressed=False, content=document)
        return cls(tag, state, compressed=True, content=_compress(document))

    @classmethod
    def load(cls, kept: bytes) -> Self:
        """Return the answer that was dumped as ``kept``."""
        head, _, content = kept.partition(_SEPARATOR)
        tag, state, form = head.split(b" ")
        return cls(
            tag.decode(), None if state == _STATELESS else int(state), form == _COMPRESSED, content
        )

    def dump(self) -> bytes:
        """Return it as one string."""
        state = _STATELESS if self.state is None else str(self.state).encode()
        form = _COMPRESSED if self.compressed else _PLAIN
        return b" ".join((self.tag.encode(), state, form)) + _SEPARATOR + self.content

    def response(self, request: Request) -> Response:
        """Return what answers the request by it, 304 if the client has it already."""
        headers = {"ETag": self.tag, "Cache-Control": PRIVATE}
        if matches(request.headers.get("if-none-match"), self.tag):
            return Response(status_code=304, headers=headers)
        content = self.content
        if self.compressed or len(content) >= COMPRESS_FROM_BYTES:
            headers["Vary"] = "Accept-Encoding"
            takes_gzip = _takes_gzip(request)
            if takes_gzip:
                headers["Content-Encoding"] = "gzip"
            if takes_gzip and not self.compressed:
                content = _compress(content)
            elif self.compressed and not takes_gzip:
                content = zlib.decompress(content, _GZIP)
        return Response(content, media_type="application/json", headers=headers)


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the cache was asked for a request.

    Attributes:
        query: What the answer is named by.
        found: The answer, if the cache has one of the present data.
    """

    query: str
    found: KeptAnswer | None


def query_of(request: Request, route: Route) -> str:
    """Return what the answer to a request is named by; the order of parameters does not matter."""
    parameters = sorted(request.scope["query_string"].decode("latin-1").split("&"))
    # The path comes last: it alone may hold a line break, which a client can encode in it.
    return "\n".join((route.name, "&".join(parameters), request.scope["path"]))


def _compress(document: bytes) -> bytes:
    return zlib.compress(document, _LEVEL, _GZIP)


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def entity_tag(document: bytes) -> str:
    """Return the entity tag of a document."""
    # Weak: it is the same for the compressed and the plain form.
    return f'W/"{hashlib.sha256(document).hexdigest()[:16]}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Say whether a client has what this entity tag is of (RFC 9110, section 13.1.2)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    opaque = tag.removeprefix("W/")
    return any(
        candidate.strip().removeprefix("W/") == opaque for candidate in if_none_match.split(",")
    )
