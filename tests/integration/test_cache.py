import pytest
import valkey as valkey_client

from quant.cache import AnswerCache
from quant.valkey_store import ValkeyStore


@pytest.fixture
def client(valkey):
    from supervisor.servers import VALKEY_USER

    client = valkey_client.Valkey(
        port=valkey.port, username=VALKEY_USER, password=valkey.password, socket_timeout=5
    )
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def cache(client):
    return AnswerCache(ValkeyStore(lambda: client))


class Source:
    def __init__(self, version=1):
        self.version = version
        self.reads = 0

    def __call__(self):
        self.reads += 1
        return f"answer\n{self.version}".encode(), self.version


def test_second_read_comes_from_the_cache(cache):
    source = Source()
    assert cache.get_or_read("q", source) == cache.get_or_read("q", source) == b"answer\n1"
    assert source.reads == 1


def test_other_query_is_read(cache):
    source = Source()
    cache.get_or_read("q", source)
    cache.get_or_read("r", source)
    assert source.reads == 2


def test_announced_version_retires_older_answers(cache):
    source = Source(1)
    cache.get_or_read("q", source)
    source.version = 2
    cache.announce(2)
    assert cache.get_or_read("q", source) == b"answer\n2"


def test_slow_reader_does_not_bring_back_an_older_version(cache):
    def slow():
        cache.announce(2)
        return b"read at version 1", 1

    cache.get_or_read("q", slow)
    assert cache.get_or_read("q", Source(2)) == b"answer\n2"


def test_unannounced_version_is_seen_once_the_version_key_expires(cache, client):
    source = Source(1)
    cache.get_or_read("q", source)
    (version_key,) = [key for key in client.scan_iter() if key.endswith(b"version")]
    assert 0 < client.ttl(version_key) <= 60
    client.delete(version_key)
    source.version = 2
    assert cache.get_or_read("q", source) == b"answer\n2"


def test_all_keys_share_a_hash_tag(cache, client):
    for query in "abc":
        cache.get_or_read(query, Source())
    tags = {key[key.index(b"{") : key.index(b"}")] for key in client.scan_iter()}
    assert len(tags) == 1
