"""What is kept in Valkey, on a cluster of three nodes: cache, limits, revocations and locks."""

import json
import uuid

import pytest
import valkey
from cache_support import get_or_read
from limit_support import cluster_nodes, connect, hammer, most_in_any_window, passes
from relay_support import relay
from supervisor.servers import VALKEY_USER, free_port
from valkey.backoff import NoBackoff
from valkey.crc import key_slot
from valkey.retry import Retry

import quant.settings
import quant.valkey_store
from quant.accounts.attempts import Attempt, Locks
from quant.breaker import ValkeyBreaker
from quant.cache import AnswerCache
from quant.cluster import ClusterClient
from quant.errors import TooManyAttemptsError
from quant.limits import LocalLimiter, RateLimiter, Window, account_windows
from quant.revocation import RevocationIndex
from quant.tiers import EndpointClass
from quant.valkey_store import ValkeyStore


@pytest.fixture(scope="module")
def nodes():
    with cluster_nodes(3) as servers:
        yield servers


@pytest.fixture(params=range(3))
def node(nodes, request):
    """Each node in turn: two in three commands are redirected."""
    return nodes[request.param]


@pytest.fixture
def client(node, monkeypatch):
    """The process's client, made from the environment's settings."""
    for name, value in {
        "QUANT_ENVIRONMENT": "local",
        "QUANT_VALKEY_HOST": node.host,
        "QUANT_VALKEY_PORT": str(node.port),
        "QUANT_VALKEY_SECRET_ARN": "valkey",
        "QUANT_VALKEY_TLS": "false",
        "QUANT_VALKEY_TIMEOUT_S": "5",
    }.items():
        monkeypatch.setenv(name, value)
    credentials = json.dumps({"username": VALKEY_USER, "password": node.password})
    monkeypatch.setattr(quant.settings, "read_secret", lambda _arn: credentials)
    kept = quant.valkey_store.client, quant.settings.valkey_settings
    for function in kept:
        function.cache_clear()
    client = quant.valkey_store.client()
    yield client
    client.close()
    for function in kept:
        function.cache_clear()


@pytest.fixture
def store(client):
    guard = ValkeyBreaker()
    yield ValkeyStore(guard=lambda: guard)
    # Nothing above was quietly done without Valkey.
    assert guard.call(lambda: True)


def client_at(server, port=None):
    return ClusterClient(
        host=server.host,
        port=port or server.port,
        username=VALKEY_USER,
        password=server.password,
        retry=Retry(NoBackoff(), 1),
    )


def place(nodes, key):
    """The node that has a key, and the node after it."""
    number = key_slot(key.encode()) * len(nodes) // 16384
    return nodes[number], nodes[(number + 1) % len(nodes)]


def test_answers_are_cached(store):
    cache = AnswerCache(store)
    query = str(uuid.uuid4())
    reads = iter([(b"first", 1), (b"second", 2)])
    cache.announce(1)

    def get():
        return get_or_read(cache, store, query, lambda: next(reads))

    assert [get() for _ in range(2)] == [b"first"] * 2
    cache.announce(2)
    assert get() == b"second"


def test_limits_are_exact(store):
    limiters = [RateLimiter(LocalLimiter(1), store) for _ in range(2)]
    for number in range(30):
        subject = f"account:{uuid.uuid4()}"
        decision = limiters[0].check(subject, account_windows("free", *EndpointClass))
        assert decision.exact, number
    window = Window("tier", 20, 1.0)
    subject = f"account:{uuid.uuid4()}"
    decisions = hammer(lambda: limiters[1], subject, window, clients=20, windows=3)()
    assert all(decision.exact for decision in decisions)
    assert most_in_any_window(passes(decisions), 1.0) == 20
    assert len(passes(decisions)) == 60


def test_limits_and_answers_are_asked_together(store, nodes):
    cache = AnswerCache(store)
    limiter = RateLimiter(LocalLimiter(1), store)
    window = Window("tier", 2)
    query = str(uuid.uuid4())
    cache.announce(7)
    cache.keep(query, b"answer", 7)
    # Accounts of all nodes, and answers of one.
    subjects = [f"account:{uuid.uuid4()}" for _ in range(20)]
    places = {place(nodes, f"{{quant:limit:{subject}}}")[0].port for subject in subjects}
    assert len(places) == len(nodes)
    for subject in subjects:
        for used in (1, 2, 2):
            decision, found = limiter.check_with(cache.lookup(query), subject, [window])
            assert decision.exact
            assert decision.states[0].used == used
            assert cache.found(found) == b"answer"
        assert not decision.allowed


def test_nodes_that_have_no_script_get_it(store, nodes):
    limiter = RateLimiter(LocalLimiter(1), store)
    for node in nodes:
        connect(node).script_flush()
    for _ in range(10):
        subject = f"account:{uuid.uuid4()}"
        decision, found = limiter.check_with(("GET", "{somewhere}:none"), subject, [Window("t", 1)])
        assert (decision.exact, decision.allowed, found) == (True, True, None)


class Truth:
    """What Postgres says of sessions."""

    def __init__(self):
        self.ended = set()
        self.asked = 0

    def rows(self, _statement, **_parameters):
        self.asked += 1
        return [[session_id] for session_id in self.ended]


def test_revocations_are_seen_without_postgres(store, nodes):
    truth = Truth()
    index = RevocationIndex(store, truth)
    before, announced, other = (uuid.uuid4() for _ in range(3))
    marker = "{quant:revoked}:complete"
    connect(place(nodes, marker)[0]).delete(marker)
    truth.ended = {before}
    assert index.is_revoked(before)
    assert truth.asked == 1
    index.announce([announced])
    assert index.is_revoked(announced)
    assert index.is_revoked(before)
    assert not index.is_revoked(other)
    assert truth.asked == 1


def test_locks_hold(store):
    locks = Locks(store)
    keys = [f"login:{uuid.uuid4()}" for _ in range(5)]
    locks.check(keys)
    locks.set([Attempt(keys[3], admitted=False, locked_for_s=30)])
    with pytest.raises(TooManyAttemptsError):
        locks.check(keys)
    locks.clear(keys)
    locks.check(keys)


def test_a_redirection_is_remembered(nodes):
    key = "{somewhere}:a"
    owner, other = place(nodes, key)
    client = client_at(other)
    before = redirected(owner), redirected(other)
    for number in range(10):
        client.set(key, number)
        pipeline = client.pipeline(transaction=False)
        pipeline.get(key)
        pipeline.ttl(key)
        assert pipeline.execute() == [str(number).encode(), -1]
    client.close()
    assert (redirected(owner), redirected(other)) == (before[0], before[1] + 1)


def test_commands_of_a_pipeline_follow_their_own_redirections(nodes):
    # Of each node one that is right there.
    keys = {}
    while len(keys) < len(nodes):
        key = f"{{{uuid.uuid4()}}}:key"
        keys.setdefault(place(nodes, key)[0].port, key)
    client = client_at(nodes[0])
    before = redirected(nodes[0])
    for number in range(5):
        pipeline = client.pipeline(transaction=False)
        for key in keys.values():
            pipeline.set(key, number, ex=60)
        for key in keys.values():
            pipeline.get(key)
        assert pipeline.execute() == [True] * 3 + [str(number).encode()] * 3
    # Both commands of a key were sent before the first was redirected, and no others.
    assert redirected(nodes[0]) == before + 4
    # Others have their answers where one command fails, be it for want of its node.
    lost, kept, other = keys.values()
    client._places[key_slot(lost.encode())] = ("127.0.0.1", free_port())
    pipeline = client.pipeline(transaction=False)
    pipeline.get(lost)
    pipeline.get(kept)
    pipeline.incr(other, "x")
    failed, answer, refused = pipeline.execute(raise_on_error=False)
    assert isinstance(failed, valkey.ConnectionError)
    assert answer == b"4"
    assert isinstance(refused, valkey.ResponseError)
    # The place is forgotten: the cluster may have put another node there.
    assert client.get(lost) == b"4"
    client.close()


def redirected(server):
    """Number of commands the server has redirected."""
    stats = connect(server).info("errorstats")
    return stats.get("errorstat_MOVED", {}).get("count", 0)


def test_a_slot_on_its_way_is_followed(nodes):
    key = "{moving}:key"
    source, target = place(nodes, key)
    staying = next(
        name
        for name in (f"{{staying{n}}}:key" for n in range(99))
        if place(nodes, name)[0] is source
    )
    slot = key_slot(key.encode())
    ids = {
        server.port: connect(server).execute_command("CLUSTER MYID").decode()
        for server in (source, target)
    }
    client = client_at(source)
    to_target, to_source = connect(target), connect(source)
    to_target.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source.port])
    to_source.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target.port])
    try:
        # The source has no such key any more, so it asks to try the target this once.
        assert client.set(key, b"x", ex=60) is True
        assert client.set(staying, b"z", ex=60) is True
        pipeline = client.pipeline(transaction=False)
        pipeline.get(key)
        pipeline.set(key, b"y")
        # Where it is now, another is as before.
        pipeline.get(staying)
        assert pipeline.execute() == [b"x", True, b"z"]
        for server in (to_target, to_source):
            server.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[target.port])
        # From now on it has moved.
        assert client.get(key) == b"y"
        client.delete(key)
    finally:
        for server in nodes:
            connect(server).execute_command("CLUSTER SETSLOT", slot, "NODE", ids[source.port])
        client.close()


def test_nothing_is_asked_of_a_cluster_before_the_first_command(nodes):
    # That is what a cold start would pay for.
    key = "{somewhere}:b"
    owner, _ = place(nodes, key)
    before = connect(owner).info("stats")["total_connections_received"]
    client = client_at(owner)
    client.get(key)
    after = connect(owner).info("stats")["total_connections_received"]
    commands = connect(owner).info("commandstats")
    client.close()
    assert after - before == 2  # this and the second question
    assert "cmdstat_command" not in commands


def test_answers_to_what_was_posted_are_read_by_the_next_command(valkey):
    key = str(uuid.uuid4())
    with relay(valkey.port) as between:
        client = client_at(valkey, between.port)
        client.post(("SET", key, "a", "EX", 60), ("APPEND", key, "b"))
        client.post(("APPEND", key, "c"))
        assert client.get(key) == b"abc"
        client.post(("LPUSH", key, "d"))  # an error, which is nobody's
        pipeline = client.pipeline()
        pipeline.append(key, "e")
        pipeline.get(key)
        assert pipeline.execute() == [4, b"abce"]
        client.post(("DEL", key))
        assert between.connections == 1
        client.close()
        assert client.get(key) is None


@pytest.mark.parametrize("posts", [0, 2])
def test_a_connection_that_breaks_after_a_post_is_replaced(valkey, posts):
    key = str(uuid.uuid4())
    with relay(valkey.port) as between:
        client = client_at(valkey, between.port)
        client.post(("SET", key, "a", "EX", 60))
        asked = connect(valkey)
        while asked.get(key) is None:
            pass
        between.cut()
        for _ in range(posts):
            client.post(("APPEND", key, "b"))
        # What is posted into a broken connection may be lost, but not what somebody waits for.
        assert client.append(key, "c") in range(2, posts + 3)
        assert client.get(key) in {b"a" + b"b" * count + b"c" for count in range(posts + 1)}
        assert between.connections == 2
        client.close()


def test_what_cannot_be_posted_is_told(nodes):
    client = client_at(nodes[0], free_port())
    with pytest.raises(valkey.ConnectionError):
        client.post(("SET", "a", "b"))
    with pytest.raises(valkey.ConnectionError):
        client.get("a")
    client.close()


def test_a_node_that_a_post_was_sent_to_is_remembered(nodes):
    key = f"{{{uuid.uuid4()}}}:a"
    owner, other = place(nodes, key)
    client = client_at(other)
    before = redirected(other)
    client.post(("SET", key, 1, "EX", 60))
    # The answer to it is read with that to another key of this node.
    assert client.dbsize() >= 0
    client.post(("SET", key, 2, "EX", 60))
    assert client.get(key) == b"2"
    client.close()
    assert redirected(other) == before + 1
    assert connect(owner).get(key) == b"2"
