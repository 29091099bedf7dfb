"""Cache of authorizer results."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


class ExpiringCache[K: Hashable, V]:
    """Least recently used entries go first beyond ``size``, each at the end of its own lifetime."""

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The value of a key, None if it is not or no longer there."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry[0] <= self._clock():
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry[1]

    def put(self, key: K, value: V, seconds: float) -> None:
        """Keep a value for so many seconds."""
        with self._lock:
            self._entries[key] = (self._clock() + seconds, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def discard(self, unwanted: Callable[[K], bool]) -> None:
        """Drop the entries whose key is ``unwanted``."""
        with self._lock:
            for key in [key for key in self._entries if unwanted(key)]:
                del self._entries[key]
