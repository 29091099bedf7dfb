"""How each site answers: paths, forms, cookies, errors."""

import csv
import io
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from replica.content import Content, SenateFiling, house_index

HTML = "text/html; charset=utf-8"

AGREEMENT = """<!DOCTYPE html><html lang="en"><head><title>eFD: Home</title></head><body>
<p>It is unlawful for any person to obtain or use a report for any unlawful purpose. {terms}</p>
<form action="" method="POST" id="agreement_form">
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<label><input type="checkbox" id="agree_statement" value="1" name="prohibition_agreement">
I understand the prohibitions on obtaining and use of financial disclosure reports.</label>
</form></body></html>"""


@dataclass
class Request:
    """A request as a site sees it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    form: Mapping[str, str]


@dataclass
class Response:
    """An answer; one with a validator may become a 304."""

    status: int = 200
    body: bytes = b""
    content_type: str = HTML
    headers: list[tuple[str, str]] = field(default_factory=list)
    validated: bool = False


NOT_FOUND = Response(404, b"<h1>404 - File or directory not found.</h1>")
FORBIDDEN = Response(403, b"<h1>Forbidden (403)</h1><p>CSRF verification failed.</p>")


def redirect(location: str, *headers: tuple[str, str]) -> Response:
    return Response(302, headers=[("Location", location), *headers])


def house(content: Content, request: Request) -> Response:
    """The House Clerk: static files."""
    if match := re.fullmatch(r"/public_disc/financial-pdfs/(\d{4})FD\.zip", request.path):
        year = int(match[1])
        if year not in content.house:
            return NOT_FOUND
        body = house_index(year, content.house[year])
        return Response(200, body, "application/x-zip-compressed", validated=True)
    if match := re.fullmatch(r"/public_disc/ptr-pdfs/(\d{4})/(\d+)\.pdf", request.path):
        for filing in content.house.get(int(match[1]), ()):
            if filing.doc_id == match[2] and filing.pdf is not None:
                return Response(200, filing.pdf, "application/pdf", validated=True)
    return NOT_FOUND


class Senate:
    """The eFD: a Django application behind a page with its terms.

    Attributes:
        terms: Text on that page, to be changed.
        sessions: Identifiers of sessions that agreed.
    """

    def __init__(self) -> None:
        self.terms = "5 U.S.C. 13107(c)."
        self.sessions: set[str] = set()

    def answer(self, content: Content, request: Request) -> Response:
        """Answer a request below ``/search/``."""
        if request.method == "POST" and not self._passes_csrf(request):
            return FORBIDDEN
        if request.path == "/search/home/":
            return self._agree() if request.method == "POST" else self._home()
        if request.cookies.get("sessionid") not in self.sessions:
            return redirect("/search/home/")
        return self._behind_agreement(content, request)

    def _behind_agreement(self, content: Content, request: Request) -> Response:
        if request.path == "/search/":
            return Response(200, b"<html><body><h1>Find Reports</h1></body></html>")
        if request.path == "/search/report/data/" and request.method == "POST":
            return self._data(content, request.form)
        if match := re.fullmatch(r"/search/view/(ptr|paper)/([0-9a-fA-F-]{36})/", request.path):
            return self._view(content, match[1], match[2])
        return NOT_FOUND

    @staticmethod
    def _passes_csrf(request: Request) -> bool:
        cookie = request.cookies.get("csrftoken")
        sent = request.headers.get("X-CSRFToken") or request.form.get("csrfmiddlewaretoken")
        return bool(cookie) and sent == cookie and "/search/" in request.headers.get("Referer", "")

    def _home(self) -> Response:
        token = secrets.token_hex(32)
        page = AGREEMENT.format(terms=self.terms, token=token)
        return Response(
            200, page.encode(), headers=[("Set-Cookie", f"csrftoken={token}; Path=/; SameSite=Lax")]
        )

    def _agree(self) -> Response:
        session = secrets.token_hex(16)
        self.sessions.add(session)
        return redirect("/search/", ("Set-Cookie", f"sessionid={session}; Path=/; HttpOnly"))

    @staticmethod
    def _data(content: Content, form: Mapping[str, str]) -> Response:
        since = _day(form["submitted_start_date"], " 00:00:00")
        until = _day(form["submitted_end_date"], " 23:59:59")
        filings = [
            filing
            for filing in content.senate
            if form["report_types"] == "[11]" and since <= filing.submitted <= until
        ]
        if form["order[0][column]"] == "4":
            filings.sort(
                key=lambda filing: filing.submitted, reverse=form["order[0][dir]"] == "desc"
            )
        start, length = int(form["start"]), min(int(form["length"]), 100)
        page = {
            "draw": int(form["draw"]),
            "recordsTotal": len(filings),
            "recordsFiltered": len(filings),
            "data": [_row(filing) for filing in filings[start : start + length]],
            "result": "ok",
        }
        return Response(200, json.dumps(page).encode(), "application/json")

    @staticmethod
    def _view(content: Content, kind: str, doc_id: str) -> Response:
        for filing in content.senate:
            if (filing.doc_id, filing.paper) == (doc_id, kind == "paper") and filing.page:
                return Response(200, filing.page)
        return NOT_FOUND


def _day(text: str, time: str) -> date:
    month, day, year = text.removesuffix(time).split("/")
    return date(int(year), int(month), int(day))


def _row(filing: SenateFiling) -> list[str]:
    kind = "paper" if filing.paper else "ptr"
    day = f"{filing.submitted:%m/%d/%Y}"
    link = (
        f'<a href="/search/view/{kind}/{filing.doc_id}/" target="_blank">'
        f"{filing.title} for {day}</a>"
    )
    return [filing.first, filing.last, f"{filing.last}, {filing.first} (Senator)", link, day]


def legislators(content: Content, request: Request) -> Response:
    """GitHub Pages: static files."""
    text = content.legislators.get(request.path.removeprefix("/"))
    if text is None:
        return NOT_FOUND
    return Response(200, text.encode(), "text/yaml; charset=utf-8", validated=True)


def stooq(content: Content, request: Request) -> Response:
    """Stooq: CSV, and plain sentences instead of errors."""
    query = request.query
    if not query.get("apikey"):
        return Response(200, b"Get your apikey:\n\n1. Open https://stooq.com/", "text/plain")
    symbol = query["s"].removesuffix(".us").upper()
    since, until = (date.fromisoformat(query[name]) for name in ("d1", "d2"))
    rows = [
        (day, adjusted, adjusted, adjusted, adjusted, volume)
        for day, _, adjusted, volume in content.prices.get(symbol, ())
        if since <= day <= until
    ]
    if not rows:
        return Response(200, b"No data", "text/plain")
    return _csv(("Date", "Open", "High", "Low", "Close", "Volume"), rows)


def tiingo(content: Content, request: Request) -> Response:
    """Tiingo: CSV, JSON errors, the key in a header."""
    if not request.headers.get("Authorization", "").startswith("Token "):
        return Response(401, b'{"detail":"Please supply a token"}', "application/json")
    symbol = request.path.split("/")[3].upper()
    if symbol not in content.prices:
        return Response(404, b'{"detail":"Not found."}', "application/json")
    since, until = (date.fromisoformat(request.query[name]) for name in ("startDate", "endDate"))
    rows = [
        (day, close, close, close, close, volume, adjusted, "0.0", "1.0")
        for day, close, adjusted, volume in content.prices[symbol]
        if since <= day <= until
    ]
    header = (
        "date",
        "close",
        "high",
        "low",
        "open",
        "volume",
        "adjClose",
        "divCash",
        "splitFactor",
    )
    return _csv(header, rows)


def _csv(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> Response:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return Response(200, text.getvalue().encode(), "text/csv")


def routes(senate: Senate) -> dict[str, Callable[[Content, Request], Response]]:
    """Each site by the beginning of its paths; all are at one origin, as none overlap."""
    return {
        "/public_disc/": house,
        "/search/": senate.answer,
        "/q/d/l/": stooq,
        "/tiingo/daily/": tiingo,
        "/": legislators,
    }
