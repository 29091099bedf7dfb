import pytest
from cache_support import get_or_read

from quant.cache import AnswerCache
from quant.cluster import ClusterClient
from quant.valkey_store import ValkeyStore


@pytest.fixture
def client(valkey):
    from supervisor.servers import VALKEY_USER

    client = ClusterClient(
        host=valkey.host,
        port=valkey.port,
        username=VALKEY_USER,
        password=valkey.password,
        socket_timeout=5,
    )
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def store(client):
    return ValkeyStore(lambda: client)


@pytest.fixture
def cache(store):
    return AnswerCache(store)


@pytest.fixture
def get(cache, store):
    """The answer to a query, by reading it if the cache has none."""
    return lambda query, read: get_or_read(cache, store, query, read)


class Source:
    def __init__(self, version=1):
        self.version = version
        self.reads = 0

    def __call__(self):
        self.reads += 1
        return f"answer\n{self.version}".encode(), self.version


def test_second_read_comes_from_the_cache(get):
    source = Source()
    assert get("q", source) == get("q", source) == b"answer\n1"
    assert source.reads == 1


def test_other_query_is_read(get):
    source = Source()
    get("q", source)
    get("r", source)
    assert source.reads == 2


def test_announced_version_retires_older_answers(cache, get):
    source = Source(1)
    get("q", source)
    source.version = 2
    cache.announce(2)
    assert get("q", source) == b"answer\n2"


def test_slow_reader_does_not_bring_back_an_older_version(cache, get):
    def slow():
        cache.announce(2)
        return b"read at version 1", 1

    get("q", slow)
    assert get("q", Source(2)) == b"answer\n2"


def test_unannounced_version_is_seen_once_the_version_key_expires(get, client):
    source = Source(1)
    get("q", source)
    (version_key,) = [key for key in client.scan_iter() if key.endswith(b"version")]
    assert 0 < client.ttl(version_key) <= 60
    client.delete(version_key)
    source.version = 2
    assert get("q", source) == b"answer\n2"


def test_all_keys_share_a_hash_tag(get, client):
    for query in "abc":
        get(query, Source())
    tags = {key[key.index(b"{") : key.index(b"}")] for key in client.scan_iter()}
    assert len(tags) == 1
