"""People who register, log in and use the deployed API, and the doors beside it that tests need."""

import itertools
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import jwt
import pg8000.native
import pytest
import valkey
from support import LocalCloud

from quant.tiers import EndpointClass

AUTH = "/api/v1/auth"
# By which a test asks the tracking server as if it had another name, which that server logs.
OTHER_HOST = "10.0.0.1"
# A cold function may take as long as its timeout.
TIMEOUT_S = 30
_numbers = itertools.count()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Person:
    """Somebody with an account."""

    email: str
    password: str = field(repr=False)


@dataclass
class Platform:
    """The local cloud as a client sees it, and as its operator does."""

    cloud: LocalCloud
    http: httpx.Client

    def post(self, path: str, body: Any = None, token: str | None = None) -> httpx.Response:
        headers = bearer(token) if token else {}
        return self.http.post(f"{AUTH}{path}", json=body, headers=headers)

    def get(self, path: str, token: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query, headers=bearer(token))

    def login(self, person: Person) -> dict[str, Any]:
        answer = self.post("/login", {"email": person.email, "password": person.password})
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def refresh(self, refresh_token: str) -> httpx.Response:
        return self.post("/refresh", {"refresh_token": refresh_token})

    def operator(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the ``quant`` command with the operator's settings."""
        return subprocess.run(
            [str(Path(sys.prefix) / "bin" / "quant"), *arguments],
            env={**os.environ, **self.cloud.run["environment"]},
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    def person(self, *, tier: str = "free", admin: bool = False) -> Person:
        """Somebody with a verified account, made by the operator."""
        person = Person(new_email(), new_password())
        options = ["--admin"] if admin else []
        made = self.operator(
            "account",
            "create",
            "--email",
            person.email,
            "--tier",
            tier,
            *options,
            input=f"{person.password}\n",
        )
        assert made.returncode == 0, made.stderr
        return person

    def mails(self, to: str) -> list[str]:
        """Texts of the mails sent to an address, the oldest first."""
        inbox = httpx.get(f"{self.cloud.run['endpoint_url']}/_aws/ses", timeout=TIMEOUT_S).json()
        return [
            message["Body"]["text_part"]
            for message in inbox["messages"]
            if message["Destination"]["ToAddresses"] == [to]
        ]

    def aws(self, service: str) -> Any:
        environment = self.cloud.run["environment"]
        return boto3.client(
            service,
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )

    def authorizer_cache_s(self) -> int:
        """Seconds that the gateway reuses the authorizer's answer to a token."""
        [authorizer] = self.aws("apigateway").get_authorizers(
            restApiId=self.cloud.run["outputs"]["RestApiId"]
        )["items"]
        seconds: int = authorizer["authorizerResultTtlInSeconds"]
        return seconds

    def audit_redelivery_s(self) -> int:
        """Seconds after which an audit entry that could not be drained is delivered again."""
        sqs = self.aws("sqs")
        url = sqs.get_queue_url(QueueName="quant-local-audit")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        return int(attributes["Attributes"]["VisibilityTimeout"])

    def age_published_keys(self) -> None:
        """Have the keys look as if published an hour ago, when all functions still started."""
        client, secret = self.aws("secretsmanager"), self.cloud.run["outputs"]["JwksSecretArn"]
        keys = json.loads(client.get_secret_value(SecretId=secret)["SecretString"])["keys"]
        aged = [{**key, "iat": key["iat"] - 3600} for key in keys]
        client.put_secret_value(SecretId=secret, SecretString=json.dumps({"keys": aged}))

    def rotate_signing_key(self) -> None:
        """Have Secrets Manager rotate the signing keys, and wait until it has."""
        outputs = self.cloud.run["outputs"]
        client = self.aws("secretsmanager")
        secret = outputs["SigningKeySecretArn"]
        version = client.rotate_secret(
            SecretId=secret,
            RotationLambdaARN=outputs["KeyRotationFunctionArn"],
            RotationRules={"AutomaticallyAfterDays": 30},
        )["VersionId"]
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
            if "AWSCURRENT" in stages.get(version, []):
                return
            assert time.monotonic() < deadline, stages
            time.sleep(0.2)

    def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Rows of a statement, as the schema's owner."""
        database = self.cloud.run["database"]
        connection = pg8000.native.Connection(
            "quant_owner",
            password=database["passwords"]["quant_owner"],
            host=database["host"],
            port=database["port"],
            database=database["name"],
        )
        try:
            rows: list[Any] = connection.run(statement, **parameters)
            return rows
        finally:
            connection.close()

    def forget_limits(self) -> None:
        """Empty Valkey: the windows of the limiter, the locks, the cached answers."""
        with valkey_client(self.cloud) as client:
            client.flushdb()

    def forget_attempts(self) -> None:
        """Forget failed logins: all tests come from one network, which would be locked."""
        self.sql("delete from attempt_counters")
        self.forget_limits()

    @contextmanager
    def without_limits(self) -> Iterator[None]:
        """Let everybody ask as often as they like, for as long as Valkey is up."""
        with repeatedly(self.forget_limits):
            yield

    def audited(self, **equal: Any) -> list[dict[str, Any]]:
        """Entries of the audit log, the oldest first."""
        columns = ("event", "actor", "target", "network", "request_id", "details")
        conditions = " and ".join(f"{name} = :{name}" for name in equal) or "true"
        rows = self.sql(
            f"select {', '.join(columns)} from audit_log where {conditions} order by sequence",
            **equal,
        )
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def verify_log(self) -> dict[str, Any]:
        done = self.operator("audit", "verify", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        verified: dict[str, Any] = json.loads(done.stdout)
        return verified


def valkey_client(cloud: LocalCloud) -> valkey.Valkey:
    settings = cloud.run["valkey"]
    return valkey.Valkey(
        host=settings["host"],
        port=settings["port"],
        username=settings["username"],
        password=settings["password"],
    )


@contextmanager
def repeatedly(action: Callable[[], None], every_s: float = 0.3) -> Iterator[None]:
    """Do something in the background, whenever Valkey is up, while the block runs."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(every_s):
            with suppress(valkey.exceptions.ValkeyError):
                action()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def without_limits_of(cloud: LocalCloud, token: str) -> Iterator[None]:
    """Let the account of one access token ask as often as it likes."""
    account = jwt.decode(token, options={"verify_signature": False})["sub"]
    windows = ("tier", *EndpointClass)
    keys = [f"{{quant:limit:account:{account}}}:{window}" for window in windows]

    def forget() -> None:
        with valkey_client(cloud) as client:
            client.delete(*keys)

    with repeatedly(forget):
        yield


def new_email() -> str:
    return f"person-{next(_numbers)}-{secrets.token_hex(4)}@example.org"


def new_password() -> str:
    return secrets.token_urlsafe(18)


def mailed_token(mail: str) -> str:
    [token] = set(re.findall(r"q(?:ev|pr)_[A-Za-z0-9_-]{43}", mail))
    return token


def eventually(condition: Callable[[], Any], *, within_s: float, every_s: float = 0.5) -> Any:
    """What ``condition`` returns once that is true."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"did not come true within {within_s} s; it is {value!r}")
        time.sleep(every_s)
