"""What clients ask of some functions all day: hits and misses, mistakes, and what is refused."""

import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from account_support import AUDIENCE, ISSUER, LOGIN, Person
from alert_support import WATCHLISTS
from authorizer_support import METHOD_ARN
from environment import Answer
from tests.integration.conftest import authorizer_context, rest_api_event

from quant.tokens import SigningKey, mint

V1: Final = "/api/v1"


@dataclass(frozen=True)
class Request:
    """An event for a function, and what it may answer.

    Attributes:
        kind: What it stands for.
        event: As the gateway sends it, JSON.
        statuses: What a function that works may answer; of an authorizer, what the gateway makes
            of that.
    """

    kind: str
    event: bytes
    statuses: frozenset[int]


def status(answer: Answer) -> int:
    """The status that a client gets for a function's answer."""
    document = answer.document
    if answer.is_error:
        return 401 if document.get("errorMessage") == "Unauthorized" else 500
    if "policyDocument" in document:
        [statement] = document["policyDocument"]["Statement"]
        return 200 if statement["Effect"] == "Allow" else 403
    return int(document["statusCode"])


@dataclass
class Clients:
    """Who asks, and for what.

    Attributes:
        key: Signs tokens that the authorizer admits.
        tickers: Symbols that have trades.
        politicians: Identifiers of politicians who have some.
        persons: Who may log in.
        owners: Accounts that may have a watchlist more.
        full: An account that has as many watchlists as it may.
    """

    key: SigningKey = field(repr=False)
    tickers: list[str]
    politicians: list[str]
    persons: list[Person]
    owners: Iterator[uuid.UUID]
    full: uuid.UUID
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def of(self, function: str) -> Iterator[Request]:
        """What a function is asked, each kind in its turn."""
        makers = {
            "authorizer.jwt": self._authorizer,
            "trades.list": self._trades,
            "politicians.list": self._politicians,
            "stats.leaderboard": self._leaderboard,
            "patterns.fourier": self._periods,
            "auth.login": self._login,
            "watchlists.create": self._watchlists,
            "health.ready": self._health,
        }[function]()
        for maker in itertools.cycle(makers):
            yield maker()

    def _authorizer(self) -> list[Callable[[], Request]]:
        # Each is used a while and expires after an hour.
        known = (token for _ in itertools.count() for token in itertools.repeat(self._token(), 50))
        forged = f"{self._token()[:-8]}AAAAAAAA"
        expired = self._token(lifetime_s=-60)
        return [
            *[lambda: _token_request("known token", next(known))] * 6,
            *[lambda: _token_request("new token", self._token())] * 2,
            lambda: _token_request("expired token", expired, 401),
            lambda: _token_request("forged token", forged, 403),
        ]

    def _token(self, lifetime_s: int = 3_600) -> str:
        return mint(
            self.key,
            issuer=ISSUER,
            audience=AUDIENCE,
            subject=str(uuid.uuid4()),
            tier="basic",
            scopes=["read"],
            session_id=str(uuid.uuid4()),
            lifetime_s=lifetime_s,
        )

    def _trades(self) -> list[Callable[[], Request]]:
        tickers = itertools.cycle(self.tickers)
        return self._list(
            "/trades",
            lambda _: {"ticker": next(tickers)},
            lambda number: {"amount_min": number},
        )

    def _politicians(self) -> list[Callable[[], Request]]:
        return self._list(
            "/politicians",
            lambda number: {"limit": 40 + number % 5},
            lambda number: {"sort": "-trade_count", "limit": 1 + number % 100},
        )

    def _leaderboard(self) -> list[Callable[[], Request]]:
        return self._list(
            "/stats/leaderboard",
            lambda number: {"by": "volume", "limit": 20 + number % 5},
            lambda number: {
                "by": "trade_count",
                "disclosed_from": date(2012, 4, 4) + timedelta(days=number % 5_000),
            },
        )

    def _list(
        self,
        path: str,
        usual: Callable[[int], Mapping[str, Any]],
        rare: Callable[[int], Mapping[str, Any]],
    ) -> list[Callable[[], Request]]:
        greedy = authorizer_context(tier="free")
        shut_out = authorizer_context(scope="account")

        def number() -> int:
            return next(self._numbers)

        return [
            *[lambda: rest("usual", path, usual(number()))] * 11,
            *[lambda: rest("rare", path, rare(number()))] * 4,
            lambda: rest("page of none", path, {**usual(0), "limit": 0}, (422,)),
            lambda: rest("unknown parameter", path, {"colour": "blue"}, (422,)),
            lambda: rest("without the scope", path, usual(0), (403,), authorizer=shut_out),
            *[lambda: rest("too many", path, usual(0), (200, 429), authorizer=greedy)] * 2,
        ]

    def _periods(self) -> list[Callable[[], Request]]:
        people = itertools.cycle(self.politicians[:3])
        path = "/patterns/analyze/{}/fourier"
        return [
            *[lambda: rest("of somebody", path.format(next(people)))] * 9,
            lambda: rest("of nobody", path.format(uuid.uuid4()), statuses=(404,)),
        ]

    def _login(self) -> list[Callable[[], Request]]:
        persons = itertools.cycle(self.persons)

        def log_in(person: Person) -> Request:
            document = {"email": person.email, "password": person.password}
            return self._anonymous("login", document)

        def fail() -> Request:
            stranger = f"{uuid.uuid4().hex}@example.org"
            document = {"email": stranger, "password": "not that of anybody"}
            return self._anonymous("unknown address", document, 401)

        return [
            *[lambda: log_in(next(persons))] * 3,
            fail,
            lambda: self._anonymous("no password", {"email": "a@example.org"}, 422),
        ]

    def _anonymous(self, kind: str, document: Any, expected: int = 200) -> Request:
        # Each from a network of its own: none is refused for the failures of others.
        number = next(self._numbers)
        address = f"10.{number // 256 % 256}.{number % 256}.1"
        path = LOGIN.removeprefix(V1)
        return rest(
            kind, path, statuses=(expected,), document=document, authorizer={}, address=address
        )

    def _watchlists(self) -> list[Callable[[], Request]]:
        path = WATCHLISTS.removeprefix(V1)
        content = {"name": "mine", "tickers": self.tickers[:1], "digest": True}

        def make(kind: str, owner: uuid.UUID, document: Any, *expected: int) -> Request:
            caller = authorizer_context(owner, tier="free")
            return rest(kind, path, statuses=expected, document=document, authorizer=caller)

        return [
            *[lambda: make("new", next(self.owners), content, 201)] * 3,
            lambda: make("one too many", self.full, content, 409, 429),
            lambda: make("of nothing", self.full, {"name": "mine"}, 422, 429),
        ]

    def _health(self) -> list[Callable[[], Request]]:
        return [lambda: rest("ready", "/health/ready", authorizer={}, prefix="")]


def rest(
    kind: str,
    path: str,
    query: Mapping[str, object] | None = None,
    statuses: tuple[int, ...] = (200,),
    *,
    document: Any = None,
    prefix: str = V1,
    **event: Any,
) -> Request:
    """A request of a route; one with a document is posted. ``event`` as of ``rest_api_event``."""
    headers = {"Accept-Encoding": "gzip"}
    if document is not None:
        headers["Content-Type"] = "application/json"
        event |= {"method": "POST", "body": json.dumps(document).encode()}
    made = rest_api_event(f"{prefix}{path}", query, headers, **event)
    return Request(kind, json.dumps(made).encode(), frozenset(statuses))


def _token_request(kind: str, token: str, expected: int = 200) -> Request:
    event = {
        "type": "REQUEST",
        "methodArn": METHOD_ARN,
        "httpMethod": "GET",
        "headers": {"Authorization": f"Bearer {token}"},
        "requestContext": {"requestId": str(uuid.uuid4())},
    }
    return Request(kind, json.dumps(event).encode(), frozenset({expected}))
