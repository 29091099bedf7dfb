import hashlib
import hmac
import http.server
import importlib
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from ml_pipeline_support import MODEL, keep_run
from supervisor.commands import Commands
from supervisor.environments import ensure_tracking, tracking_environment
from supervisor.servers import PostgresServer, free_port
from supervisor.tracking_server import TrackingServer
from support import server_directory
from tests.integration.conftest import FUNCTIONS

from quant.errors import StoreUnavailableError
from quant.ml.objects import Folder, MlBucket
from quant.ml.pipeline.register import register
from quant.ml.tracking import Registered, Tracking
from quant.settings import TrackingSettings

REGION, KEY_ID, SECRET = "us-east-1", "AKIDEXAMPLE", "a-secret-of-nobody"


class FolderServer(TrackingServer):
    """The tracking server with its artifacts in a folder instead of a bucket."""

    def command(self) -> list[str]:
        words = super().command()
        place = words.index("--artifacts-destination") + 1
        return [*words[:place], str(self.directory / "artifacts"), *words[place + 1 :]]


@pytest.fixture(scope="module")
def server(postgres: PostgresServer) -> Iterator[TrackingServer]:
    """MLflow on a database of its own."""
    name = f"tracking_{secrets.token_hex(6)}"
    connection = postgres.connect()
    connection.run(f"create database {name}")
    with server_directory("tracking") as directory:
        ensure_tracking(Commands(directory))
        server = FolderServer(
            python=tracking_environment().python,
            directory=directory,
            database=postgres.url(name, driver="postgresql+psycopg2"),
            bucket="none",
            environment={},
            port=free_port(),
            log_file=directory / "log",
        )
        server.start()
        try:
            server.wait_ready()
            yield server
        finally:
            server.stop()
    connection.run(f"drop database {name} with (force)")
    connection.close()


@pytest.fixture
def tracking(server) -> Tracking:
    return Tracking(TrackingSettings(uri=server.url, signed=False))


@pytest.fixture
def client(server):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=server.url, registry_uri=server.url)


@pytest.fixture
def run(tmp_path) -> str:
    """An evaluated run whose name no other test has."""
    name = secrets.token_hex(8)
    keep_run(Folder(tmp_path), name, 0.5)
    return name


def versions(client, run: str) -> list[int]:
    found = client.search_model_versions(f"name='{MODEL}' and tags.`quant.run`='{run}'")
    return sorted(int(each.version) for each in found)


def runs(client, run: str) -> list[object]:
    experiment = client.get_experiment_by_name(MODEL)
    return list(client.search_runs([experiment.experiment_id], f"tags.`quant.run`='{run}'"))


def test_a_run_is_registered_with_all_that_led_to_it(tracking, client, run, tmp_path) -> None:
    found = register(Folder(tmp_path), tracking, run, MODEL)
    logged = client.get_run(found.tracking_run)
    assert logged.info.status == "FINISHED"
    assert logged.data.params["config.num_leaves"] == "4"
    assert logged.data.params["dataset"] == "v1-f1"
    assert logged.data.metrics["coverage.value"] == 0.91
    assert logged.data.metrics["comparisons.zero.skill.difference"] == 0.2
    history = client.get_metric_history(found.tracking_run, "fold.mean_loss.value")
    assert [(each.step, each.value) for each in history] == [(1, 0.4), (2, 0.6)]

    files = Path(client.download_artifacts(found.tracking_run, "", str(tmp_path)))
    kept = Folder(tmp_path).get(f"runs/{run}/{MODEL}/evaluation.json")
    assert (files / "evaluation.json").read_bytes() == kept
    artifact = (files / "model" / "artifact.json").read_bytes()
    version = client.get_model_version(MODEL, str(found.version))
    assert version.tags["quant.sha256"] == hashlib.sha256(artifact).hexdigest()
    assert version.tags["quant.verdict"] == "accepted"
    assert version.run_id == found.tracking_run
    table = (files / "tables" / "folds.csv").read_text().splitlines()
    assert table[0] == "config,mean_loss,number"
    assert len(table) == 3


def test_registering_again_makes_no_second_version(tracking, client, run, tmp_path) -> None:
    first, second = (register(Folder(tmp_path), tracking, run, MODEL) for _ in range(2))
    assert first == second
    assert versions(client, run) == [first.version]
    assert len(runs(client, run)) == 1


@pytest.mark.parametrize("last", ["_log", "_create_version"])
def test_what_was_interrupted_is_completed(
    tracking, client, run, tmp_path, monkeypatch, last
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Tracking, last, interrupted)
        with pytest.raises(KeyboardInterrupt):
            register(Folder(tmp_path), tracking, run, MODEL)
    assert versions(client, run) == []
    found = register(Folder(tmp_path), tracking, run, MODEL)
    assert versions(client, run) == [found.version]
    assert len(runs(client, run)) == 1
    history = client.get_metric_history(found.tracking_run, "fold.mean_loss.value")
    assert len(history) == 2


def test_tasks_that_register_at_once_agree(server, client, run, tmp_path) -> None:
    found: list[Registered] = []

    def go() -> None:
        tracking = Tracking(TrackingSettings(uri=server.url, signed=False))
        found.append(register(Folder(tmp_path), tracking, run, MODEL))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 2
    assert found[0] == found[1]
    assert found[0].version == versions(client, run)[0]


def test_the_alias_follows_the_champion(tracking, client, run, tmp_path) -> None:
    found = register(Folder(tmp_path), tracking, run, MODEL)
    tracking.point(MODEL, run, 17)
    assert tracking.champion(MODEL) == found
    assert client.get_model_version(MODEL, str(found.version)).tags["quant.version"] == "17"
    # It was published while the server was not told.
    tracking.point(MODEL, "unknown here", 18)
    assert tracking.champion(MODEL) is None
    tracking.point(MODEL, "unknown here", 18)
    assert tracking.champion("another") is None


def test_a_server_that_is_away_is_unavailable(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = Tracking(TrackingSettings(uri=f"http://127.0.0.1:{free_port()}", signed=False))
    with pytest.raises(StoreUnavailableError, match="tracking"):
        register(Folder(tmp_path), away, run, MODEL)


class Gateway(http.server.BaseHTTPRequestHandler):
    """Forwards requests that are signed as API Gateway's IAM authorizer asks."""

    upstream = ""
    refused: list[str]

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not authorized(self.command, self.path, self.headers, body):
            self.refused.append(f"{self.command} {self.path}")
            self.send_error(403)
            return
        kept = {"content-type", "accept"}
        headers = {k: v for k, v in self.headers.items() if k.lower() in kept}
        request = urllib.request.Request(
            self.upstream + self.path, data=body or None, headers=headers, method=self.command
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                self._answer(response.status, response.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, error.read())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


def authorized(method: str, target: str, headers, body: bytes) -> bool:
    """Check Signature Version 4 as the AWS General Reference describes it."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return False
    fields = dict(part.strip().split("=", 1) for part in given.split(","))
    path, _, query = target.partition("?")
    # Decoded as a server does, then encoded as the reference says.
    pairs = [
        tuple(urllib.parse.unquote(text) for text in pair.partition("=")[::2])
        for pair in query.split("&")
        if pair
    ]
    encoded = sorted(
        "=".join(urllib.parse.quote(text, safe="-_.~") for text in pair) for pair in pairs
    )
    names = fields["SignedHeaders"].split(";")
    request = [
        method,
        urllib.parse.quote(path, safe="/-_.~"),
        "&".join(encoded),
        *(f"{name}:{headers[name].strip()}" for name in names),
        "",
        ";".join(names),
        hashlib.sha256(body).hexdigest(),
    ]
    key_id, *scope = fields["Credential"].split("/")
    day, region, service, _ = scope
    if (key_id, region, service) != (KEY_ID, REGION, "execute-api") or "host" not in names:
        return False
    to_sign = [scheme, headers["X-Amz-Date"], "/".join(scope), _digest("\n".join(request))]
    key = f"AWS4{SECRET}".encode()
    for text in (day, region, service, "aws4_request"):
        key = hmac.digest(key, text.encode(), "sha256")
    expected = hmac.new(key, "\n".join(to_sign).encode(), "sha256").hexdigest()
    return hmac.compare_digest(expected, fields["Signature"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def gateway(server) -> Iterator[str]:
    handler = type("Handler", (Gateway,), {"upstream": server.url, "refused": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()
    assert handler.refused == []


def test_every_request_is_signed(gateway, client, run, tmp_path, monkeypatch) -> None:
    variables = {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "MLFLOW_TRACKING_AUTH": "",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    signed = Tracking(TrackingSettings(uri=gateway, signed=True))
    found = register(Folder(tmp_path), signed, run, MODEL)
    signed.point(MODEL, run, found.version)
    assert signed.champion(MODEL) == found
    assert versions(client, run) == [found.version]


def test_a_request_with_another_key_is_refused(server, run, tmp_path, monkeypatch) -> None:
    """The check of signatures above is one."""
    variables = {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": "another secret",
        "AWS_DEFAULT_REGION": REGION,
        "MLFLOW_TRACKING_AUTH": "",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    handler = type("Handler", (Gateway,), {"upstream": server.url, "refused": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        uri = f"http://127.0.0.1:{listening.server_port}"
        with pytest.raises(StoreUnavailableError):
            register(Folder(tmp_path), Tracking(TrackingSettings(uri=uri)), run, MODEL)
        listening.shutdown()
        thread.join()
    assert handler.refused


def test_the_tasks_register_and_point_the_alias(
    server, tracking, run, tmp_path, monkeypatch
) -> None:
    variables = {
        "QUANT_ML_BUCKET": "models",
        "QUANT_TRACKING_URI": server.url,
        "QUANT_TRACKING_SIGNED": "false",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(FUNCTIONS))
    monkeypatch.setattr(MlBucket, "from_environment", lambda: Folder(tmp_path))
    tasks = [importlib.import_module(f"ml.{name}").handler for name in ("register", "alias")]
    told = tasks[0]({"run": run, "model": MODEL, "verdict": "accepted"}, None)
    found = register(Folder(tmp_path), tracking, run, MODEL)
    assert told == {
        "run": run,
        "model": MODEL,
        "version": found.version,
        "tracking_run": found.tracking_run,
    }
    published = {"champion": {"model": MODEL, "run": run, "version": 3}}
    assert tasks[1](published, None) == published
    assert tracking.champion(MODEL) == found
    assert tasks[1]({"champion": None}, None) == {"champion": None}
