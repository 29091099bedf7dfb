"""What functions that a benchmark runs connect to: Postgres, Valkey, Secrets Manager."""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from supervisor.database import APP_ROLE, OWNER_ROLE, ensure_database, ensure_roles
from supervisor.servers import VALKEY_USER, PostgresServer, ValkeyServer
from support import Database, server_directory
from tests.infra.test_function_imports import VARIABLES

from quant.db.migrate import upgrade


@dataclass(frozen=True)
class Stores:
    """Running servers.

    Attributes:
        postgres: Without a database of ours; ``new_database`` makes one.
        valkey: Empty at first.
        passwords: Of Postgres's roles.
        secrets: What Secrets Manager answers, by name; more may be put there.
        secrets_url: Where it listens.
    """

    postgres: PostgresServer
    valkey: ValkeyServer
    passwords: Mapping[str, str] = field(repr=False)
    secrets: dict[str, str] = field(repr=False)
    secrets_url: str

    def variables(self, database: Database) -> dict[str, str]:
        """A function's environment variables, of all settings, on a database."""
        return {
            **VARIABLES,
            "QUANT_DATABASE_PORT": str(self.postgres.port),
            "QUANT_DATABASE_NAME": database.name,
            "QUANT_DATABASE_SECRET_ARN": "database",
            "QUANT_DATABASE_TLS": "false",
            "QUANT_VALKEY_PORT": str(self.valkey.port),
            "QUANT_VALKEY_SECRET_ARN": "valkey",
            "QUANT_VALKEY_TLS": "false",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.secrets_url,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }


@contextmanager
def stores() -> Iterator[Stores]:
    with servers() as started, stores_of(*started) as stored:
        yield stored


@contextmanager
def stores_of(
    postgres: PostgresServer, valkey: ValkeyServer, passwords: Mapping[str, str]
) -> Iterator[Stores]:
    """Servers that run already, and a Secrets Manager that knows how to log in to them."""
    values = {
        "database": _credentials(APP_ROLE, passwords[APP_ROLE]),
        "valkey": _credentials(VALKEY_USER, valkey.password),
    }
    with _secrets_manager(values) as url:
        yield Stores(postgres, valkey, passwords, values, url)


@contextmanager
def servers() -> Iterator[tuple[PostgresServer, ValkeyServer, dict[str, str]]]:
    passwords = {OWNER_ROLE: secrets.token_urlsafe(16), APP_ROLE: secrets.token_urlsafe(16)}
    with server_directory("bench") as data, server_directory("bench-valkey") as memory:
        postgres = PostgresServer(data / "data", secrets.token_urlsafe(16))
        valkey = ValkeyServer(memory, secrets.token_urlsafe(16))
        try:
            for server in (postgres, valkey):
                server.start()
                server.wait_ready()
            ensure_roles(postgres, passwords[OWNER_ROLE], passwords[APP_ROLE])
            yield postgres, valkey, passwords
        finally:
            valkey.stop()
            postgres.stop()


def new_database(postgres: PostgresServer, name: str, passwords: Mapping[str, str]) -> Database:
    """A migrated, empty database."""
    ensure_database(postgres, name)
    upgrade(postgres.url(name, OWNER_ROLE, passwords[OWNER_ROLE]))
    return Database(postgres, name, dict(passwords))


def _credentials(user: str, password: str) -> str:
    return json.dumps({"username": user, "password": password})


@contextmanager
def _secrets_manager(values: Mapping[str, str]) -> Iterator[str]:
    """A Secrets Manager that knows how to read, and its URL.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["SecretId"]
            body = json.dumps(
                {"ARN": asked, "Name": asked, "SecretString": values[asked]}
                if asked in values
                else {"__type": "ResourceNotFoundException", "message": asked}
            ).encode()
            self.send_response(200 if asked in values else 400)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Leave standard error alone."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
