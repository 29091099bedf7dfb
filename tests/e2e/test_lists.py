import threading
import uuid

import pytest
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.e2e


def walk(client, path, **query):
    """Follow the cursors to the end, and return every row's id in order."""
    ids, cursor = [], {}
    while True:
        answer = client.get(path, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [row["id"] for row in page["data"]]
        if page["page"]["next_cursor"] is None:
            return ids
        cursor = {"cursor": page["page"]["next_cursor"]}


class Writer(threading.Thread):
    """Inserts trades, spread over the whole list, until told to stop; removes them at the end."""

    def __init__(self, url):
        super().__init__()
        self.engine = create_engine(url)
        self.enough = threading.Event()
        self.inserted = 0
        self.error = None

    def run(self):
        try:
            while not self.enough.is_set():
                self.insert()
        except Exception as error:  # noqa: BLE001 - shown by the test, in its own thread
            self.error = error

    def insert(self):
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "insert into trades (id, politician_id, filing_id, line_hash, asset,"
                    " operation, transaction_date, amount_min, raw)"
                    " select gen_random_uuid(), politician_id, filing_id, :hash || n,"
                    " 'inserted while paging', operation, transaction_date + n, amount_min, '{}'"
                    " from (select * from trades order by random() limit 1) t,"
                    " generate_series(-1, 1) n"
                ),
                {"hash": uuid.uuid4().hex[:12]},
            )
            connection.execute(text("update data_version set version = version + 1"))
            self.inserted += 3

    def remove(self):
        with self.engine.begin() as connection:
            connection.execute(text("delete from trades where asset = 'inserted while paging'"))
            connection.execute(text("update data_version set version = version + 1"))
        self.engine.dispose()


@pytest.fixture
def writer(local_cloud):
    if not local_cloud.name:
        pytest.skip("--base-url is given: its database is not ours to write to")
    database = local_cloud.run["database"]
    password = database["passwords"]["quant_owner"]
    writer = Writer(
        f"postgresql+pg8000://quant_owner:{password}@{database['host']}:{database['port']}"
        f"/{database['name']}"
    )
    yield writer
    writer.enough.set()
    if writer.is_alive():
        writer.join()
    writer.remove()


@pytest.mark.parametrize("sort", ["-disclosure_date", "transaction_date", "-amount"])
def test_paging_to_the_end_while_rows_are_inserted(client, writer, sort):
    # Only one politician's trades, so that real data needs no hundreds of pages.
    busiest = client.get("/api/v1/politicians", params={"sort": "-trade_count", "limit": 10})
    politician = busiest.json()["data"][-1]["id"]
    query = {"politician": politician, "sort": sort, "limit": 10}
    before = walk(client, "/api/v1/trades", **query)
    assert len(before) > 10
    writer.start()
    during = walk(client, "/api/v1/trades", **query)
    writer.enough.set()
    writer.join()
    assert writer.error is None
    assert writer.inserted > 0
    assert len(during) == len(set(during)), "a trade was listed twice"
    kept = set(before)
    assert [id_ for id_ in during if id_ in kept] == before, "a trade was left out or moved"


def test_every_politician_is_listed_once(client):
    listed = walk(client, "/api/v1/politicians", limit=7)
    assert len(listed) == len(set(listed))
    assert len(listed) == len(walk(client, "/api/v1/politicians", limit=100, sort="-trade_count"))


def test_trade_counts_equal_the_trades_listed(client):
    rows = client.get("/api/v1/politicians", params={"sort": "trade_count", "limit": 5}).json()
    for row in rows["data"]:
        trades = walk(client, "/api/v1/trades", politician=row["id"], limit=100)
        assert len(trades) == row["trade_count"]
