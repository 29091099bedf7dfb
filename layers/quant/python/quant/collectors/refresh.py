"""Fetch a document again only if it changed, and store it only if it is another one."""

from collections.abc import Callable, Mapping

from quant.collectors.http import Validators
from quant.collectors.run import Run
from quant.collectors.state import State
from quant.pipeline.raw import DocumentKind, RawDocument


class Known(State):
    """What is known of the document at one address."""

    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None


def refresh(
    run: Run,
    path: str,
    known: Known,
    *,
    kind: DocumentKind,
    max_bytes: int,
    require: Callable[[bytes], None],
    metadata: Mapping[str, str] | None = None,
) -> Known | None:
    """Bring a document up to date.

    Args:
        run: The run.
        path: The document's address on the site.
        known: What is known of it.
        kind: What it is.
        max_bytes: A longer one is none.
        require: Raises ``CollectionError`` if the content is something else.
        metadata: Kept with the document besides what the answer says.

    Returns:
        What is known now; None where the site has no such document.

    Raises:
        CollectionError: The site gave something else.
    """
    reply = run.client.get(
        path, max_bytes=max_bytes, validators=Validators(known.etag, known.last_modified)
    )
    if reply.status == 404:
        return None
    if reply.status == 304:
        run.unchanged += 1
        return known
    require(reply.content)
    document = RawDocument(kind, run.today, reply.content, {**reply.metadata(), **(metadata or {})})
    if document.sha256 == known.sha256:
        run.unchanged += 1
    else:
        run.keep(document)
    return Known(
        etag=reply.validators.etag,
        last_modified=reply.validators.last_modified,
        sha256=document.sha256,
    )
