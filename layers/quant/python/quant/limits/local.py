"""The limiter of a single environment, for as long as Valkey is away."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from quant.limits.windows import Decision, Window, WindowState

# Logs a process holds at most. A client that would need one more is refused: forgetting another's
# log would let that one start anew.
MAX_LOGS: Final = 10_000

_MICROSECONDS: Final = 1_000_000


@dataclass(slots=True)
class _Log:
    passed: deque[float] = field(default_factory=deque)
    refusal_noted_at: float | None = None
    stale_at: float = 0.0


class LocalLimiter:
    """Counts what passes in this process, against a share of each limit.

    With ``environments`` processes at most, together they never let more than a window's limit
    pass. A limit smaller than that leaves each of them none.

    Args:
        environments: Most processes that decide on one client at a time.
        clock: Seconds, monotonic.
        max_logs: Logs to hold at most.
    """

    def __init__(
        self,
        environments: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_logs: int = MAX_LOGS,
    ) -> None:
        self._environments = environments
        self._clock = clock
        self._max_logs = max_logs
        self._logs: dict[tuple[str, str], _Log] = {}

    def check(self, subject: str, windows: Sequence[Window], *, count: bool = True) -> Decision:
        """Decide on a request; the answer's windows have this process's share as their limit."""
        now = self._clock()
        shares = [
            Window(window.name, window.limit // self._environments, window.seconds)
            for window in windows
        ]
        logs = [self._log((subject, share.name), now, share.seconds) for share in shares]
        pairs = list(zip(shares, logs, strict=True))
        allowed = all(log is not None and len(log.passed) < share.limit for share, log in pairs)
        if count and allowed:
            for log in logs:
                if log is not None:
                    log.passed.append(now)
        states = tuple(
            _state(share, log, now, full=not allowed or not count, note=count)
            for share, log in pairs
        )
        return Decision(allowed, states, round(now * _MICROSECONDS), exact=False)

    def _log(self, key: tuple[str, str], now: float, seconds: float) -> _Log | None:
        log = self._logs.get(key)
        if log is None:
            if len(self._logs) >= self._max_logs:
                self._logs = {key: log for key, log in self._logs.items() if log.stale_at > now}
            if len(self._logs) >= self._max_logs:
                return None
            log = self._logs[key] = _Log()
        while log.passed and log.passed[0] < now - seconds:
            log.passed.popleft()
        log.stale_at = now + seconds
        return log


def _state(share: Window, log: _Log | None, now: float, *, full: bool, note: bool) -> WindowState:
    """Return where the client stands; ``full`` says that a log may be so before this request."""
    if log is None:
        return WindowState(share, share.limit, share.seconds, share.seconds)
    used = len(log.passed)
    reset = log.passed[0] + share.seconds - now if used else 0.0
    if not full or used < share.limit:
        return WindowState(share, used, reset)
    leaving = log.passed[used - share.limit] if share.limit else now
    wait = leaving + share.seconds - now
    first = note and (log.refusal_noted_at is None or log.refusal_noted_at <= now - share.seconds)
    if first:
        log.refusal_noted_at = now
    return WindowState(share, used, reset, wait, first)
