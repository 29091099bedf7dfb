"""The Senate's eFD: a session, agreement to its terms, the search, and the filings.

The site (https://efdsearch.senate.gov) shows its terms first; agreeing to them makes a session.
The search answers a DataTables request (https://datatables.net/manual/server-side) with JSON; each
row links to an electronic filing (``/search/view/ptr/``) or a scan (``/search/view/paper/``).
"""

import hashlib
from datetime import date, timedelta
from typing import Final

from lxml import html

from quant.collectors.errors import CollectionError, layout_changed
from quant.collectors.http import PoliteClient, Reply
from quant.collectors.recognise import (
    is_agreement,
    parse_page,
    require_senate_paper,
    require_senate_ptr,
    require_senate_results,
)
from quant.collectors.run import Run
from quant.collectors.state import State, StateStore
from quant.pipeline.raw import DocumentKind, RawDocument
from quant.pipeline.sources import CollectionOutcome

FIRST_DAY: Final = date(2012, 1, 1)  # before the first PTR
# A filing may appear days after the day it was submitted on.
OVERLAP: Final = timedelta(days=30)
PAGE_ROWS: Final = 100

_HOME: Final = "/search/home/"
_SEARCH: Final = "/search/"
_DATA: Final = "/search/report/data/"
_PTR_REPORT_TYPE: Final = "[11]"
_DATE_COLUMN: Final = 4

_MAX_PAGE_BYTES: Final = 8 * 1024 * 1024


class Terms(State):
    """The terms the collector has agreed to; an operator who accepts others deletes this state."""

    sha256: str | None = None


class SenateState(State):
    """How far the search is.

    Attributes:
        through: All filings submitted up to this day are known.
        pages: SHA-256 of each page of the last complete search.
        since: First day of a search that is under way.
        until: Its last day.
        start: Its next row.
        passed: SHA-256 of its pages so far.
    """

    through: date | None = None
    pages: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    start: int = 0
    passed: tuple[str, ...] = ()


class SenateSession:
    """A session with the eFD; it is opened when first needed, and again when it expires.

    Args:
        client: Asks the site.
        states: Keeps the terms agreed to.
    """

    def __init__(self, client: PoliteClient, states: StateStore) -> None:
        self._client = client
        self._states = states
        self._open = False

    def search(self, since: date, until: date, start: int) -> Reply:
        """Return a page of the PTRs submitted in a span of days, the oldest first.

        Args:
            since: First day.
            until: Last day.
            start: Number of rows before the page.
        """
        self.open()
        token = self._client.cookies.get("csrftoken")
        if not token:
            raise layout_changed("no CSRF cookie")
        return self._client.post(
            _DATA,
            {**_search_form(since, until, start), "csrfmiddlewaretoken": token},
            max_bytes=_MAX_PAGE_BYTES,
            headers={
                "Referer": self._client.url(_SEARCH),
                "X-CSRFToken": token,
                "X-Requested-With": "XMLHttpRequest",
            },
        )

    def view(self, path: str) -> tuple[Reply, html.HtmlElement] | None:
        """Return a filing's page; None where the site has none.

        The site sends whoever has no session, or an expired one, to its terms.
        """
        for _ in range(2):
            self.open()
            reply = self._client.get(
                path, max_bytes=_MAX_PAGE_BYTES, headers={"Referer": self._client.url(_SEARCH)}
            )
            if reply.status == 404:
                return None
            page = parse_page(reply.content, path)
            if not is_agreement(page):
                return reply, page
            self._open = False
        raise layout_changed(f"{path}: the terms again, after agreeing to them")

    def open(self) -> None:
        """Agree to the terms, unless the session is open.

        Raises:
            CollectionError: The page with the terms is another one, or they have changed.
        """
        if self._open:
            return
        page = parse_page(self._client.get(_HOME, max_bytes=_MAX_PAGE_BYTES).content, _HOME)
        tokens = page.xpath("//form//input[@name='csrfmiddlewaretoken']/@value")
        if not is_agreement(page) or not tokens:
            raise layout_changed(f"{_HOME}: no form to agree to the terms")
        self._require_known_terms(page)
        answer = self._client.post(
            _HOME,
            {"csrfmiddlewaretoken": tokens[0], "prohibition_agreement": "1"},
            max_bytes=_MAX_PAGE_BYTES,
            headers={"Referer": self._client.url(_HOME)},
        )
        if is_agreement(parse_page(answer.content, _SEARCH)):
            raise layout_changed(f"{_HOME}: the agreement was not taken")
        self._open = True

    def _require_known_terms(self, page: html.HtmlElement) -> None:
        # Nobody but an operator may agree to terms that have changed.
        digest = hashlib.sha256(_visible_text(page).encode()).hexdigest()
        known = self._states.load("senate-terms", Terms).sha256
        if known is None:
            self._states.save("senate-terms", Terms(sha256=digest))
        elif known != digest:
            raise CollectionError(CollectionOutcome.REFUSED, f"{_HOME}: the terms have changed")


def collect_search(run: Run, since: date | None = None) -> None:
    """Fetch the search results that are new, page by page; a run goes on where the last stopped.

    Args:
        run: The run.
        since: Search anew from this day on.

    Raises:
        CollectionError: The site gave something else.
    """
    state = run.states.load("senate", SenateState)
    if since is not None or state.since is None or state.until is None:
        state = state.model_copy(
            update={
                "since": since or (state.through - OVERLAP if state.through else FIRST_DAY),
                "until": run.today,
                "start": 0,
                "passed": (),
            }
        )
    session = SenateSession(run.client, run.states)
    while state.until is not None:
        state = _collect_page(run, session, state)
        run.states.save("senate", state)


def _collect_page(run: Run, session: SenateSession, state: SenateState) -> SenateState:
    assert state.since is not None  # noqa: S101 - a search under way has both
    assert state.until is not None  # noqa: S101
    reply = session.search(state.since, state.until, state.start)
    rows, total = require_senate_results(reply.content)
    start = state.start + len(rows)
    if not rows and start < total:
        raise layout_changed(f"search results: {start} rows of {total}, then none")
    if not total and state.until - state.since > 2 * OVERLAP:
        raise layout_changed(f"search results: no filing since {state.since}")
    document = RawDocument(
        DocumentKind.SENATE_INDEX,
        run.today,
        reply.content,
        {
            **reply.metadata(),
            "since": state.since.isoformat(),
            "until": state.until.isoformat(),
            "start": str(state.start),
        },
    )
    if document.sha256 in state.pages:
        run.unchanged += 1
    else:
        run.keep(document)
    passed = (*state.passed, document.sha256)
    if start >= total:
        return SenateState(through=state.until, pages=passed)
    return state.model_copy(update={"start": start, "passed": passed})


def fetch_filing(run: Run, session: SenateSession, doc_id: str, *, paper: bool) -> bool:
    """Fetch a filing's page; return whether the site has it.

    Raises:
        CollectionError: The site gave something else.
    """
    path = f"/search/view/{'paper' if paper else 'ptr'}/{doc_id}/"
    found = session.view(path)
    if found is None:
        return False
    reply, page = found
    if paper:
        kind = DocumentKind.SENATE_PAPER
        require_senate_paper(page, path)
    else:
        kind = DocumentKind.SENATE_PTR
        require_senate_ptr(page, path)
    run.keep(RawDocument(kind, run.today, reply.content, {**reply.metadata(), "doc-id": doc_id}))
    return True


def _search_form(since: date, until: date, start: int) -> dict[str, str]:
    columns = {
        f"columns[{column}][{name}]": value
        for column in range(_DATE_COLUMN + 1)
        for name, value in (("data", str(column)), ("searchable", "true"), ("orderable", "true"))
    }
    return {
        # The answer repeats it: a constant keeps the bytes of an unchanged page the same.
        "draw": "1",
        **columns,
        # The oldest first, so that filings made meanwhile come after the pages already read.
        "order[0][column]": str(_DATE_COLUMN),
        "order[0][dir]": "asc",
        "start": str(start),
        "length": str(PAGE_ROWS),
        "search[value]": "",
        "search[regex]": "false",
        "report_types": _PTR_REPORT_TYPE,
        "filer_types": "[]",
        "submitted_start_date": f"{since:%m/%d/%Y} 00:00:00",
        "submitted_end_date": f"{until:%m/%d/%Y} 23:59:59",
        "candidate_state": "",
        "senator_state": "",
        "office_id": "",
        "first_name": "",
        "last_name": "",
    }


def _visible_text(page: html.HtmlElement) -> str:
    texts = page.xpath("//body//text()[not(ancestor::script or ancestor::style)]")
    return " ".join(" ".join(texts).split())
