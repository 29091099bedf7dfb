"""The raw bucket, replayed: whatever happens on the way, the tables are the same."""

import gzip
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path

import pytest
from import_support import scalar
from pipeline_support import (
    dump_hash,
    empty,
    house_index,
    house_ptr,
    senate_id,
    senate_index,
    senate_ptr,
    worker_database,
    worker_environment,
    working_on,
)
from sqlalchemy import create_engine, event, text
from supervisor.database import APP_ROLE, ensure_database, ensure_roles
from supervisor.servers import PostgresServer
from support import server_directory
from synthetic_ptr import PtrLine, scan_pdf

import quant.db.session
from quant.errors import StoreUnavailableError
from quant.pipeline.documents import process
from quant.pipeline.raw import DocumentKind, RawDocument

WORKER = Path(__file__).resolve().parents[1] / "pipeline_worker.py"
SYMBOLS = ("ACME", "BETA", "GAMA", "DLTA")


def raw_set() -> list[RawDocument]:
    """Documents of every kind of filing, with amendments, repeats, new versions and bad ones."""
    choose = random.Random(4)
    documents: list[RawDocument] = []
    filed: dict[str, str] = {}

    def line(status: str = "New", amount: str = "$1,001 - $15,000") -> PtrLine:
        symbol = choose.choice(SYMBOLS)
        stated = f" ({symbol})" if choose.random() < 0.8 else ""
        return PtrLine(
            asset=f"{symbol.title()} Corp. - Common Stock{stated} [ST]",
            operation=choose.choice(("P", "S", "S (partial)")),
            day=f"01/{choose.randint(1, 3):02}/2025",
            owner=choose.choice(("", "SP")),
            amount=amount,
            fields={"Filing Status": status},
        )

    for number in range(1, 25):
        doc_id = f"209990{number:02}"
        name = f"Hon. Filer {'ABCD'[number % 4]}exley"
        filed[doc_id] = f"2/{number}/2025"
        lines = [line() for _ in range(choose.randint(1, 5))]
        if number > 12:
            lines.append(line("Amended", "$15,001 - $50,000"))
        if number % 5 == 0:
            lines.append(line("Deleted"))
        documents.append(house_ptr(doc_id, *lines, name=name, signed=f"02/{number:02}/2025"))
        if number % 6 == 0:
            newer = date(2025, 3, 1) + timedelta(days=number)
            documents.append(house_ptr(doc_id, *lines[1:], line(), name=name, day=newer))
    for number in range(1, 9):
        cells = [
            {
                "Ticker": choose.choice(SYMBOLS),
                "Transaction Date": f"05/0{choose.randint(1, 2)}/2026",
            }
            for _ in range(3)
        ]
        changes = {"filed": f"06/{number:02}/2026 @ 1:23 PM"}
        if number % 3 == 0:
            changes["amendment"] = 1
        documents.append(senate_ptr(number, *cells, **changes))
    documents += [
        house_index(filed),
        house_index({**filed, "20999001": "2/27/2025"}, day=date(2025, 3, 9)),
        senate_index(*range(1, 9)),
        RawDocument(DocumentKind.HOUSE_PTR, date(2025, 3, 1), scan_pdf(), {"doc-id": "20999024"}),
        RawDocument(DocumentKind.HOUSE_PTR, date(2025, 3, 1), b"damaged", {"doc-id": "20999025"}),
        RawDocument(DocumentKind.SENATE_PTR, date(2025, 3, 1), b"", {"doc-id": senate_id(9)}),
    ]
    return documents


def deliveries(documents: list[RawDocument], seed: int) -> list[RawDocument]:
    """All documents in random order, a tenth of them twice."""
    order = random.Random(seed)
    repeated = order.sample(documents, max(1, len(documents) // 10))
    delivered = documents + repeated
    order.shuffle(delivered)
    return delivered


@pytest.fixture
def engine(postgres, migrated_template, role_passwords):
    with worker_database(postgres, migrated_template, role_passwords[APP_ROLE]) as engine:
        yield engine


class Failing:
    """Breaks the connection within or soon after one of 20 transactions, from the fifth on."""

    def __init__(self) -> None:
        self._random = random.Random(9)
        self._begun = 0
        self._countdown = 0
        self.failures = 0

    def __enter__(self) -> "Failing":
        event.listen(quant.db.session.engine(), "before_cursor_execute", self._before)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(quant.db.session.engine(), "before_cursor_execute", self._before)

    def _before(self, _connection, _cursor, statement, *_: object) -> None:
        if statement == "begin":
            self._begun += 1
            if self._begun % 20 == 5:
                self._countdown = self._random.randint(1, 8)
        elif self._countdown > 0:
            self._countdown -= 1
            if self._countdown == 0:
                self.failures += 1
                raise ConnectionResetError("injected")


def deliver(documents: list[RawDocument]) -> None:
    """Process messages as a queue delivers them: what fails comes back later."""
    waiting = list(documents)
    while waiting:
        document = waiting.pop(0)
        try:
            process(document)
        except StoreUnavailableError:
            waiting.append(document)


def assert_replays_agree(engine, documents) -> None:
    hashes = []
    for seed in (1, 2, 3):
        if seed != 3:  # the third is a replay into the tables of the second
            empty(engine)
        with Failing() if seed > 1 else nullcontext() as failing:
            deliver(deliveries(documents, seed))
        assert failing is None or failing.failures > 0
        hashes.append(dump_hash(engine))
    assert len(set(hashes)) == 1


def test_replay_in_random_order_with_duplicates_and_failures(engine) -> None:
    assert_replays_agree(engine, raw_set())
    outcomes = "select count(distinct outcome) from filing_lines"
    assert scalar(engine, outcomes) >= 4
    assert scalar(engine, "select count(*) from trades") > 50


@pytest.mark.realdata
def test_replay_of_real_documents(engine, data_dir) -> None:
    documents = real_documents(data_dir)
    assert_replays_agree(engine, documents)
    assert scalar(engine, "select count(*) from raw_documents where outcome = 'loaded'") == len(
        documents
    )


def real_documents(data_dir: Path) -> list[RawDocument]:
    """The House indexes, the real PTRs and the members of Congress."""
    day = date(2026, 1, 31)
    documents = [
        RawDocument(DocumentKind.HOUSE_INDEX, day, gzip.decompress(path.read_bytes()))
        for path in sorted((data_dir / "house").glob("*FD.xml.gz"))
    ]
    documents += [
        RawDocument(DocumentKind.HOUSE_PTR, day, path.read_bytes())
        for path in sorted((data_dir / "house" / "ptr").glob("*.pdf"))
    ]
    kinds = {
        "legislators-current": DocumentKind.LEGISLATORS,
        "committees-current": DocumentKind.COMMITTEES,
        "committee-membership-current": DocumentKind.COMMITTEE_MEMBERSHIP,
    }
    for stem, kind in kinds.items():
        for path in (data_dir / "legislators").glob(f"{stem}.yaml*"):
            content = path.read_bytes()
            unpacked = gzip.decompress(content) if path.suffix == ".gz" else content
            documents.append(RawDocument(kind, day, unpacked))
    return documents


@pytest.fixture
def spool(tmp_path) -> Path:
    """The raw set as files, for workers of their own."""
    for number, document in enumerate(raw_set()):
        (tmp_path / f"{number:03}.json").write_text(
            json.dumps(
                {
                    "kind": document.kind,
                    "collected_on": document.collected_on.isoformat(),
                    "content": document.content.hex(),
                    "metadata": dict(document.metadata),
                }
            )
        )
    return tmp_path


def start_worker(engine, password: str, spool: Path, seed: int) -> subprocess.Popen[bytes]:
    """A worker that processes the spool's documents in an order of its own."""
    environment = {
        **os.environ,
        **worker_environment(engine),
        "TEST_DATABASE_PASSWORD": password,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.Popen(
        [sys.executable, str(WORKER), str(spool), str(seed)],
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def wait_for(condition, timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_workers_at_once_one_of_them_killed(engine, role_passwords, spool) -> None:
    deliver(raw_set())
    expected = dump_hash(engine)
    empty(engine)
    password = role_passwords[APP_ROLE]
    workers = [start_worker(engine, password, spool, seed) for seed in (1, 2, 3)]
    try:
        wait_for(lambda: scalar(engine, "select count(*) from raw_documents") >= 5)
        workers[0].send_signal(signal.SIGKILL)
        assert [worker.wait(120) for worker in workers] == [-signal.SIGKILL, 0, 0]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert dump_hash(engine) == expected


@pytest.fixture
def durable_server():
    with server_directory("pipeline-crash") as directory:
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16))
        server.start()
        server.wait_ready()
        try:
            yield server
        finally:
            server.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_postgres_killed_between_and_within_transactions(durable_server, migrate) -> None:
    password = secrets.token_urlsafe(16)
    ensure_roles(durable_server, secrets.token_urlsafe(16), password)
    hashes = []
    for name in ("unharmed", "killed"):
        ensure_database(durable_server, name)
        migrate(durable_server.url(name))
        engine = create_engine(durable_server.url(name))
        with working_on(engine, password):
            if name == "killed":
                _deliver_with_kills(durable_server)
            else:
                deliver(raw_set())
            hashes.append(dump_hash(engine))
            doubled = "select count(*) - count(distinct key) from outbox"
            assert scalar(engine, doubled) == 0
        engine.dispose()
    assert hashes[0] == hashes[1]


def _deliver_with_kills(server) -> None:
    fatal = iter(("insert into filings", "insert into trades", "insert into raw_documents"))
    target = next(fatal)

    def kill(connection, cursor, statement, *_: object) -> None:
        nonlocal target
        if target and statement.strip().startswith(target):
            target = next(fatal, "")
            server.kill()

    waiting = raw_set()
    while waiting:
        document = waiting.pop(0)
        event.listen(quant.db.session.engine(), "after_cursor_execute", kill)
        try:
            process(document)
        except StoreUnavailableError:
            waiting.append(document)
            server.start()
            server.wait_ready()
        finally:
            event.remove(quant.db.session.engine(), "after_cursor_execute", kill)
    assert target == ""


def test_outbox_hands_out_each_message_once(engine) -> None:
    from quant.pipeline.outbox import mark_sent, pending

    deliver(raw_set()[:5])
    with engine.connect() as one, engine.connect() as two:
        first = pending(one, 3)
        assert not {message.id for message in first} & {m.id for m in pending(two, 1000)}
        two.rollback()
        mark_sent(one, [message.id for message in first])
        one.commit()
        left = pending(two, 1000)
        assert not {message.id for message in first} & {message.id for message in left}
        assert len(first) + len(left) == two.scalar(text("select count(*) from outbox"))
