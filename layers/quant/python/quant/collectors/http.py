"""A polite HTTP client for one site: paced, conditional, bounded, and patient only so long.

Sources: RFC 9110 (conditional requests, section 13; Retry-After, section 10.2.3);
https://www.python-httpx.org/.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import httpx

from quant.collectors.errors import CollectionError, DeadlineReachedError, layout_changed
from quant.collectors.pacing import Backoff, Deadline, Sleep, pace_of, retry_after_s
from quant.pipeline.sources import CollectionOutcome
from quant.settings import CollectorSettings

# It logs addresses, and the keys of price providers are in theirs.
logging.getLogger("httpx").setLevel(logging.WARNING)

_MAX_REDIRECTS: Final = 5
# A body may take this many timeouts; each is for one read, and a site may drip for ever.
_BODY_TIMEOUTS: Final = 4
# What is read of a body nobody needs, so that its connection can be used again.
_DRAINED_BYTES: Final = 64 * 1024

_ANSWERS: Final = frozenset({200, 304, 404})
_REFUSALS: Final = frozenset({401, 403, 451})
_THROTTLES: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes a request conditional (RFC 9110, section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the request headers."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: 200 with its content, 304 or 404 without."""

    status: int
    url: httpx.URL
    headers: httpx.Headers
    content: bytes = b""

    @property
    def validators(self) -> Validators:
        """What the next request may be conditional on."""
        return Validators(self.headers.get("etag"), self.headers.get("last-modified"))

    def metadata(self) -> dict[str, str]:
        """Return what a raw document keeps of the answer."""
        names = ("etag", "last-modified", "content-type")
        kept = {name: self.headers[name] for name in names if name in self.headers}
        return {"url": str(self.url), **kept}


class _TransientError(Exception):
    """A failure that another attempt may mend."""

    def __init__(
        self, outcome: CollectionOutcome, detail: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(detail)
        self.error = CollectionError(outcome, detail, retry_after_s=retry_after_s)


class PoliteClient:
    """Asks one site, one request after another, over connections that are kept.

    Requests raise ``CollectionError`` where the site does not answer with 200, 304 or 404 in the
    end, and ``DeadlineReachedError`` where the run's time is over before they begin.

    Args:
        base_url: Origin of the site, and the path before those asked for, if any.
        settings: Who asks, how fast, and how patiently.
        deadline: End of the run.
        backoff: When to try again.
        sleep: Waits; for tests.

    Attributes:
        requests: Requests sent so far.
    """

    def __init__(
        self,
        base_url: str,
        settings: CollectorSettings,
        deadline: Deadline,
        *,
        backoff: Backoff | None = None,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._origin = httpx.URL(base_url)
        self._timeout_s = settings.timeout_s
        self._deadline = deadline
        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._pace = pace_of(self._origin.netloc.decode(), settings.requests_per_second)
        self._client = httpx.Client(
            base_url=base_url,
            headers={"User-Agent": user_agent(settings.contact)},
            limits=httpx.Limits(max_connections=1),
            follow_redirects=False,
        )
        self.requests = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies the site has set."""
        return self._client.cookies

    def url(self, path: str) -> str:
        """Return the address of a path of the site."""
        return str(self._client.build_request("GET", path).url)

    def get(
        self,
        path: str,
        *,
        max_bytes: int,
        validators: Validators | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Get a resource, if it is not what ``validators`` describe.

        Args:
            path: Below the base URL.
            max_bytes: A longer body is no answer.
            validators: Of the representation at hand.
            params: Query parameters.
            headers: Further headers.
        """
        conditions = validators.headers() if validators else {}
        request = self._client.build_request(
            "GET", path, params=params, headers={**conditions, **(headers or {})}
        )
        reply = self._persist(request, max_bytes)
        if reply.status == 304 and not conditions:
            raise layout_changed(f"{path}: 304 to a request without conditions")
        return reply

    def post(
        self,
        path: str,
        form: Mapping[str, str],
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Post a form; only for requests that may be repeated."""
        request = self._client.build_request("POST", path, data=form, headers=headers)
        return self._persist(request, max_bytes)

    def _persist(self, request: httpx.Request, max_bytes: int) -> Reply:
        failures = 0
        while True:
            try:
                return self._follow(request, max_bytes)
            except _TransientError as transient:
                failures += 1
                wait_s = self._backoff.wait_s(failures, transient.error.retry_after_s)
                if wait_s is None or wait_s >= self._deadline.remaining_s:
                    raise transient.error from transient
            self._sleep(wait_s)

    def _follow(self, request: httpx.Request, max_bytes: int) -> Reply:
        for _ in range(_MAX_REDIRECTS + 1):
            reply, redirect = self._send(request, max_bytes)
            if redirect is None:
                return reply
            if not self._same_site(redirect.url):
                raise layout_changed(f"{request.url.path}: redirect to another host")
            request = redirect
        raise layout_changed(f"{request.url.path}: more than {_MAX_REDIRECTS} redirects")

    def _same_site(self, url: httpx.URL) -> bool:
        origin = self._origin
        return (url.scheme, url.host, url.port) == (origin.scheme, origin.host, origin.port)

    def _send(self, request: httpx.Request, max_bytes: int) -> tuple[Reply, httpx.Request | None]:
        self._pace.wait(self._deadline, self._sleep)
        timeout = httpx.Timeout(max(0.001, min(self._timeout_s, self._deadline.remaining_s)))
        request.extensions = {**request.extensions, "timeout": timeout.as_dict()}
        self.requests += 1
        where = request.url.path
        try:
            response = self._client.send(request, stream=True)
            try:
                content = self._body(response, max_bytes)
            finally:
                response.close()
        except httpx.RequestError as error:
            detail = f"{where}: {type(error).__name__}"
            raise _TransientError(CollectionOutcome.UNREACHABLE, detail) from error
        if response.next_request is not None:
            return Reply(
                response.status_code, response.url, response.headers
            ), response.next_request
        _require_answer(response, where)
        return Reply(response.status_code, response.url, response.headers, content), None

    def _body(self, response: httpx.Response, max_bytes: int) -> bytes:
        wanted = response.status_code == 200
        limit = max_bytes if wanted else _DRAINED_BYTES
        budget = Deadline(min(_BODY_TIMEOUTS * self._timeout_s, self._deadline.remaining_s))
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > limit:
                if wanted:
                    raise layout_changed(f"{response.url.path}: more than {max_bytes} bytes")
                break
            try:
                budget.require()
            except DeadlineReachedError:
                msg = "the body took too long"
                raise httpx.ReadTimeout(msg, request=response.request) from None
        return bytes(content) if wanted else b""


def user_agent(contact: str) -> str:
    """Return how the collectors introduce themselves: a name, and whom to ask about them."""
    return f"QuantAnalyticsPlatform/1.0 (collects public STOCK Act disclosures; {contact})"


def _require_answer(response: httpx.Response, where: str) -> None:
    status = response.status_code
    if status in _ANSWERS:
        return
    detail = f"{where}: HTTP {status}"
    pause_s = retry_after_s(response.headers.get("retry-after"))
    if status in _REFUSALS:
        raise CollectionError(CollectionOutcome.REFUSED, detail, retry_after_s=pause_s)
    if status in _THROTTLES:
        raise _TransientError(CollectionOutcome.THROTTLED, detail, pause_s)
    if status >= 500:
        raise _TransientError(CollectionOutcome.UNREACHABLE, detail, pause_s)
    raise layout_changed(detail)
