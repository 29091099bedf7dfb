import datetime as dt
import os
import socket
import ssl
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from alert_support import Subscriber
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from openapi_support import FUNCTIONS

import quant.settings
from quant.alerts import signing, webhooks
from quant.alerts.retries import DELAYS_S, GONE, MAX_ATTEMPTS, delay_after, is_final
from quant.alerts.webhooks import Answer, post_all
from quant.pipeline.messages import WebhookRequest

HOST = "hooks.example.org"


@pytest.fixture(autouse=True)
def local(monkeypatch):
    monkeypatch.setenv("QUANT_ENVIRONMENT", "local")
    monkeypatch.setenv("QUANT_WEBHOOK_SECRET_ARN", "webhook")
    monkeypatch.setattr(signing, "read_secret", lambda _arn: "one master secret")
    caches = (signing._master, quant.settings.edge_settings)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def request(url):
    return WebhookRequest(
        delivery_id=uuid.uuid4(),
        watchlist_id=uuid.uuid4(),
        generations=(1,),
        url=url,
        body='{"name":"caf\u00e9"}',
    )


def posted(*requests):
    """The answers to webhooks posted from a thread, whose event loop is no other test's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(post_all, requests).result()


class Raw:
    """A server that sends ``answer`` to whoever connects, and then waits for ``over``."""

    def __init__(self, answer=b"", *, context=None):
        self.names = []
        self.over = threading.Event()
        self._answer, self._context = answer, context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self.over.set()
        self._socket.close()
        self._thread.join(5)

    def _serve(self):
        try:
            connection, _ = self._socket.accept()
            with connection:
                if self._context is not None:
                    self._context.sni_callback = lambda _s, name, _c: self.names.append(name)
                    connection = self._context.wrap_socket(connection, server_side=True)
                connection.recv(65536)
                connection.sendall(self._answer)
                self.over.wait(30)
        except OSError:
            pass


def certificate(folder, name):
    """A server's TLS context with a certificate of its own for ``name``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_body_goes_out_to_the_letter():
    with Subscriber() as subscriber:
        sent = request(subscriber.url)
        assert posted(sent) == [Answer(204)]
    [received] = subscriber.received
    assert received.body == sent.body.encode()
    assert received.headers["webhook-id"] == str(sent.delivery_id)
    assert received.headers["user-agent"].startswith("quant-webhooks/")
    assert "authorization" not in received.headers


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    with Subscriber() as subscriber, Subscriber() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert posted(request(subscriber.url))[0].delivered
        assert proxy.received == []


def test_a_slow_receiver_delays_no_other_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(webhooks, "DEADLINE_S", 0.5)
    with Raw() as slow, Subscriber() as subscriber:
        slow_url = f"http://127.0.0.1:{slow.port}/"
        answers = posted(request(slow_url), request(subscriber.url))
    assert answers == [Answer(None, "no answer within 0.5 s"), Answer(204)]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nx", 200),
        (b"HTTP/1.1 500 X\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nx", 500),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, None),
        (b"SSH-2.0-OpenSSH\r\n", None),
        (b"\x00" * 100, None),
    ],
    ids=["endless", "huge", "packed", "headers", "other protocol", "noise"],
)
def test_nothing_a_receiver_says_is_more_than_an_answer(monkeypatch, answer, status):
    monkeypatch.setattr(webhooks, "DEADLINE_S", 2.0)
    with Raw(answer) as server:
        [said] = posted(request(f"http://127.0.0.1:{server.port}/"))
    assert said.status == status
    assert said.delivered is (status == 200)
    assert said.detail.startswith("no answer") is (status is None)


def test_a_name_that_leads_inside_by_now_is_not_followed(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.0.0.1", 443))])
    [answer] = posted(request(f"https://{HOST}/"))
    assert answer == Answer(None, "the webhook's URL must be at a public address")


def test_a_name_without_an_address_is_a_failure(monkeypatch):
    def fail(*_arguments, **_options):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert posted(request(f"https://{HOST}/")) == [Answer(None, "the host has no address")]


@pytest.mark.parametrize(("name", "accepted"), [(HOST, True), ("other.example.org", False)])
def test_the_certificate_is_that_of_the_name_at_the_address_looked_up_once(
    monkeypatch, tmp_path, name, accepted
):
    lookups = []

    def getaddrinfo(host, port, *_arguments, **_options):
        lookups.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    with Raw(answer, context=certificate(tmp_path, name)) as server:
        trusted = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        monkeypatch.setattr("httpx._transports.default.create_ssl_context", lambda **_: trusted)
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        [said] = posted(request(f"https://{HOST}:{server.port}/"))
    assert said.delivered is accepted, said
    assert server.names == [HOST]
    assert lookups.count(HOST) == 1
    if not accepted:
        assert said.detail == "no answer: ConnectError"


def test_delays_grow_and_fit_a_queues_visibility_timeout():
    assert list(DELAYS_S) == sorted(DELAYS_S)
    assert len(DELAYS_S) == MAX_ATTEMPTS - 1
    for attempt, delay in enumerate(DELAYS_S, start=1):
        seen = {delay_after(attempt) for _ in range(50)}
        assert min(seen) >= delay * 0.9 - 1
        assert max(seen) <= min(delay * 1.1 + 1, 43_200)


def test_which_attempt_is_the_last():
    assert not is_final(MAX_ATTEMPTS - 1, 500)
    assert is_final(MAX_ATTEMPTS, None)
    assert is_final(1, GONE)


def test_whoever_posts_carries_no_database_client():
    """It starts without one, and has none to lend to whoever takes it over."""
    code = "import alerts.deliver, sys; print({'sqlalchemy', 'pg8000'} & sys.modules.keys())"
    environment = {**os.environ, "PYTHONPATH": str(FUNCTIONS)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
