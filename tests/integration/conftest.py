"""An API without a gateway: events in API Gateway's form straight into the handlers."""

import base64
import gzip
import importlib
import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import quant.breaker
import quant.db.prepared
import quant.db.session
import quant.limits
import quant.secrets
import quant.settings
import quant.valkey_store
from quant.db.models import Filing, Politician, Ticker, Trade
from quant.identity import filing_id, line_hash, politician_id, stable_id, trade_id
from quant_http.routes import ROUTES

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class LambdaContext:
    function_name: str = "test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:test"
    aws_request_id: str = "invocation"


def authorizer_context(
    account: uuid.UUID | None = None,
    *,
    tier: str = "premium",
    scope: str = "read account admin",
    session: uuid.UUID | None = None,
) -> dict[str, str]:
    """What our authorizer says of a caller; a new account where none is given."""
    return {
        "principalId": str(account or uuid.uuid4()),
        "tier": tier,
        "scope": scope,
        "token_id": str(uuid.uuid4()),
        "session_id": str(session or ""),
    }


def rest_api_event(
    path: str,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes | None = None,
    authorizer: Mapping[str, str] | None = None,
    address: str = "127.0.0.1",
) -> dict[str, Any]:
    """A request as API Gateway sends it; a list among the query's values repeats the parameter.

    Where no authorizer context is given, each event is of a new account, so that tests meet rate
    limits only where they mean to.
    """
    headers = dict(headers or {})
    values = {
        name: [str(item) for item in (value if isinstance(value, list) else [value])]
        for name, value in (query or {}).items()
    }
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: items[-1] for name, items in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "path": f"/local{path}",
            "stage": "local",
            "httpMethod": method,
            "resourcePath": path,
            "identity": {"sourceIp": address},
            "authorizer": authorizer_context() if authorizer is None else dict(authorizer),
        },
        "body": None if body is None else base64.b64encode(body).decode(),
        "isBase64Encoded": body is not None,
    }


class Api:
    """Answers requests with the handler of the route that matches method and path."""

    def get(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        **event: Any,
    ) -> Answer:
        return self.send("GET", path, query, headers, **event)

    def post(
        self, path: str, document: Any, headers: Mapping[str, str] | None = None, **event: Any
    ) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
        return self.send("POST", path, None, headers, body=body, **event)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        **event: Any,
    ) -> Answer:
        """The answer to a request; ``event`` as of ``rest_api_event``."""
        request = rest_api_event(path, query, headers, method=method, **event)
        module = importlib.import_module(route_name(method, path))
        answer = self.invoke(module.handler, request)
        body = answer["body"]
        raw = base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()
        names = {name.lower(): value for name, value in answer["headers"].items()}
        if names.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        assert names["x-request-id"] == request["requestContext"]["requestId"]
        return Answer(answer["statusCode"], names, raw)

    def invoke(self, handler: Any, event: dict[str, Any]) -> Any:
        """What the handler answers to an event; benchmarks take the time of it."""
        return handler(event, LambdaContext())

    def pages(self, path: str, query: Mapping[str, object]) -> Iterator[Answer]:
        cursor: dict[str, str] = {}
        while True:
            answer = self.get(path, {**query, **cursor})
            assert answer.status == 200, answer.body
            yield answer
            following = answer.json["page"]["next_cursor"]
            if following is None:
                return
            cursor = {"cursor": following}


def route_name(method: str, path: str) -> str:
    # Literal segments win over parameters, as in API Gateway.
    for route in sorted(ROUTES, key=lambda route: route.path.count("{")):
        pattern = re.sub(r"\{\w+\}", "[^/]+", route.path)
        if route.method == method and re.fullmatch(pattern, path):
            return route.name
    raise LookupError(f"{method} {path}")


def reset_process() -> None:
    """Forget what a Lambda process keeps between invocations."""
    if quant.db.session.engine.cache_info().currsize:
        quant.db.session.engine().dispose()
    quant.db.prepared.close()
    for kept in (
        quant.db.session.engine,
        quant.valkey_store.client,
        quant.settings.database_settings,
        quant.settings.valkey_settings,
        quant.settings.limit_settings,
        quant.settings.edge_settings,
        quant.breaker.breaker,
        quant.limits.limiter,
    ):
        kept.cache_clear()


@pytest.fixture(scope="module")
def api(database, valkey) -> Iterator[Api]:
    """The handlers on a fresh database and the session's Valkey."""
    with serving(database, valkey) as api:
        yield api


@contextmanager
def serving(database: Any, valkey: Any, make: type[Api] = Api) -> Iterator[Api]:
    """The handlers on a database and a Valkey; ``make`` makes what events are sent by."""
    from supervisor.database import APP_ROLE
    from supervisor.servers import VALKEY_USER

    secrets = {
        "database": {"username": APP_ROLE, "password": database.passwords[APP_ROLE]},
        "valkey": {"username": VALKEY_USER, "password": valkey.password},
    }
    variables = {
        "QUANT_ENVIRONMENT": "local",
        "QUANT_DATABASE_HOST": "127.0.0.1",
        "QUANT_DATABASE_PORT": str(database.server.port),
        "QUANT_DATABASE_NAME": database.name,
        "QUANT_DATABASE_SECRET_ARN": "database",
        "QUANT_DATABASE_TLS": "false",
        "QUANT_VALKEY_HOST": "127.0.0.1",
        "QUANT_VALKEY_PORT": str(valkey.port),
        "QUANT_VALKEY_SECRET_ARN": "valkey",
        "QUANT_VALKEY_TLS": "false",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(FUNCTIONS))
        patch.setattr(quant.settings, "read_secret", lambda arn: json.dumps(secrets[arn]))
        reset_process()
        quant.valkey_store.client().flushdb()
        yield make()
        reset_process()
    # Modules are named after resources: none may stay to shadow another test's import.
    for route in ROUTES:
        sys.modules.pop(route.name, None)


SENATOR = politician_id("W000001")
REPRESENTATIVE = politician_id("H000001")
FILER = stable_id("politician", "senate", "unmatched")


def make_trade(number: int, politician: uuid.UUID, filing: uuid.UUID, **changes: Any) -> Trade:
    content = line_hash([number])
    values: dict[str, Any] = {
        "id": trade_id(filing, content, 0),
        "politician_id": politician,
        "filing_id": filing,
        "line_hash": content,
        "occurrence": 0,
        "owner": "self",
        "asset": f"Asset {number}",
        "ticker": "AAA" if number % 2 else "BBB",
        "asset_type": "stock",
        "operation": "purchase" if number % 3 else "sale_full",
        "transaction_date": date(2020, 1, 1) + timedelta(days=number // 4),
        "disclosure_date": date(2020, 2, 1) + timedelta(days=number // 4),
        "amount_min": Decimal(1001),
        "amount_max": Decimal(15000),
        "raw": {"row": number},
        **changes,
    }
    return Trade(**values)


@pytest.fixture(scope="module")
def disclosures(database) -> Iterator[Session]:
    """Three filers, three filings and 60 trades, many of the same date; a session to add more."""
    # Without a pool: some tests kill the server under it.
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with Session(engine) as session:
        session.add_all([Ticker(symbol=symbol) for symbol in ("AAA", "BBB")])
        session.add_all(
            [
                Politician(
                    id=SENATOR,
                    bioguide_id="W000001",
                    full_name="Wanda Senator",
                    sort_name="senator, wanda",
                    chamber="senate",
                    party="democrat",
                    state="OR",
                    in_office=True,
                ),
                Politician(
                    id=REPRESENTATIVE,
                    bioguide_id="H000001",
                    full_name="Hal 100%_Representative",
                    sort_name="representative, hal",
                    chamber="house",
                    party="republican",
                    state="TX",
                    district=7,
                    in_office=True,
                ),
                Politician(
                    id=FILER,
                    full_name="Una Unmatched",
                    sort_name="unmatched, una",
                    chamber="senate",
                ),
            ]
        )
        session.flush()
        filings = {}
        for politician, doc_id in ((SENATOR, "s-1"), (REPRESENTATIVE, "h-1"), (FILER, "u-1")):
            source = "house_clerk" if politician == REPRESENTATIVE else "senate_efd"
            filings[politician] = filing_id(source, doc_id)
            session.add(
                Filing(
                    id=filings[politician],
                    source=source,
                    doc_id=doc_id,
                    politician_id=politician,
                    url=f"https://example.org/{doc_id}",
                )
            )
        session.flush()
        session.add_all(
            make_trade(
                number,
                SENATOR if number % 3 else REPRESENTATIVE,
                filings[SENATOR if number % 3 else REPRESENTATIVE],
            )
            for number in range(58)
        )
        session.add_all(
            make_trade(
                number,
                FILER,
                filings[FILER],
                ticker=None,
                owner=None,
                disclosure_date=None,
                amount_min=Decimal(50_000_001),
                amount_max=None,
            )
            for number in (58, 59)
        )
        session.commit()
        yield session
    engine.dispose()
