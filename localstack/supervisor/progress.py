"""One line when a step starts, one when it ends, also from several threads."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TextIO


class Progress:
    """Writes the progress of named steps.

    Args:
        stream: where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def elapsed(self) -> float:
        """Return seconds since the object was made."""
        return time.monotonic() - self._began

    def say(self, line: str) -> None:
        """Write one line."""
        with self._lock:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Write when the step named starts and how long it took, or that it failed."""
        began = time.monotonic()
        self.say(f"[{self.elapsed():6.1f} s] {name} ...")
        try:
            yield
        except BaseException:
            self.say(f"[{self.elapsed():6.1f} s] {name}: failed")
            raise
        self.say(f"[{self.elapsed():6.1f} s] {name}: done in {time.monotonic() - began:.1f} s")
