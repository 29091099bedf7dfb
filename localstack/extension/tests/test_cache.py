from quant_localstack.gateway.cache import ExpiringCache


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_entry_expires_at_the_end_of_its_lifetime() -> None:
    clock = Clock()
    cache: ExpiringCache[str, str] = ExpiringCache(10, clock)
    cache.put("short", "a", 5)
    cache.put("long", "b", 300)
    clock.now += 4.9
    assert (cache.get("short"), cache.get("long")) == ("a", "b")
    clock.now += 0.1
    assert (cache.get("short"), cache.get("long")) == (None, "b")
    assert len(cache) == 1


def test_reading_does_not_prolong_an_entry() -> None:
    clock = Clock()
    cache: ExpiringCache[str, str] = ExpiringCache(10, clock)
    cache.put("key", "a", 5)
    clock.now += 4
    cache.get("key")
    clock.now += 1
    assert cache.get("key") is None


def test_least_recently_used_entry_makes_room() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(2, Clock())
    cache.put("a", 1, 60)
    cache.put("b", 2, 60)
    cache.get("a")
    cache.put("c", 3, 60)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_discard() -> None:
    cache: ExpiringCache[tuple[str, int], int] = ExpiringCache(10, Clock())
    cache.put(("live", 1), 1, 60)
    cache.put(("test", 1), 2, 60)
    cache.discard(lambda key: key[0] == "live")
    assert (cache.get(("live", 1)), cache.get(("test", 1))) == (None, 2)
