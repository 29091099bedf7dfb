"""The cache of answers as requests use it."""

from collections.abc import Callable

from quant.cache import AnswerCache
from quant.valkey_store import ValkeyStore


def get_or_read(
    cache: AnswerCache, store: ValkeyStore, query: str, read: Callable[[], tuple[bytes, int]]
) -> bytes:
    """The answer to a query, from the cache or by reading it."""
    result = store.attempt(lambda valkey: valkey.execute_command(*cache.lookup(query)))
    answer = cache.found(result)
    if answer is None:
        answer, version = read()
        cache.keep(query, answer, version)
    return answer
