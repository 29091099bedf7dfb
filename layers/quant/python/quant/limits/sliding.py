"""The exact limiter: a log of the requests that passed, for each window, in Valkey.

Each window of a client is a list of the times of the requests it let through, oldest first. A
request passes if fewer than ``limit`` of them are younger than the window is long; only a request
that passes is logged, so a list never holds more than ``limit`` entries. Counting whole logs is
what makes it exact: counters of fixed or interpolated windows let up to twice the limit through.

Decided by one script in one round trip, on the server's clock: the clocks of Lambda environments
do not matter, and no two requests are decided at the same time.
"""

import hashlib
from collections.abc import Sequence
from itertools import batched
from typing import Any, Final

from quant.limits.windows import Decision, Window, WindowState

# KEYS: the log of each window, then the marker of each window that a refusal was noted.
# ARGV: 1 to count the request or 0 to look, then limit and length in microseconds of each window.
# Answer: 1 or 0, the time, then for each window: requests in it, microseconds until the oldest
# leaves it, microseconds until there is room, 1 if this is the first refusal noted.
#
# An entry counts for as long as it is not older than the window, equality included. One from the
# far future was logged before the server's clock was set back, and would never leave.
_SCRIPT: Final = """\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local count = #KEYS / 2
local allowed = 1
local used, reset, wait = {}, {}, {}
for i = 1, count do
  local limit, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local oldest = tonumber(redis.call('LINDEX', KEYS[i], 0) or nil)
  while oldest and (oldest < now - length or oldest > now + length) do
    redis.call('LPOP', KEYS[i])
    oldest = tonumber(redis.call('LINDEX', KEYS[i], 0) or nil)
  end
  used[i] = redis.call('LLEN', KEYS[i])
  reset[i] = oldest and oldest + length - now or 0
  wait[i] = 0
  if used[i] >= limit then
    allowed = 0
    local leaving = oldest
    if used[i] > limit then
      leaving = tonumber(redis.call('LINDEX', KEYS[i], used[i] - limit) or nil)
    end
    wait[i] = leaving and leaving + length + 1 - now or length
  end
end
local answer = {allowed, now}
for i = 1, count do
  local length = tonumber(ARGV[2 * i + 1])
  local first = 0
  if ARGV[1] == '1' then
    if allowed == 1 then
      redis.call('RPUSH', KEYS[i], string.format('%.0f', now))
      redis.call('PEXPIRE', KEYS[i], math.ceil(length / 1000) + 2)
      used[i] = used[i] + 1
      if used[i] == 1 then reset[i] = length end
    elseif wait[i] > 0
        and redis.call('SET', KEYS[count + i], 1, 'NX', 'PX', math.ceil(length / 1000)) then
      first = 1
    end
  end
  answer[#answer + 1] = used[i]
  answer[#answer + 1] = reset[i]
  answer[#answer + 1] = wait[i]
  answer[#answer + 1] = first
end
return answer
"""
_SCRIPT_ID: Final = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_FIELDS: Final = 4
_MICROSECONDS: Final = 1_000_000


class SlidingLogLimiter:
    """Lets at most ``limit`` requests pass in any window, and every request that leaves room.

    Exact as long as Valkey keeps what it acknowledged: a primary lost before its replica has its
    last writes forgets those.

    Args:
        valkey: A client of a single server or of a cluster.
    """

    def __init__(self, valkey: Any) -> None:
        self._valkey = valkey

    def check(self, subject: str, windows: Sequence[Window], *, count: bool = True) -> Decision:
        """Decide on a request, in one round trip.

        Args:
            subject: Names the client; must not contain a closing brace.
            windows: Windows it must pass, at least one.
            count: Whether the request counts if it passes; ``False`` only looks.

        Raises:
            valkey.exceptions.ValkeyError: Valkey cannot be asked.
            OSError: Likewise.
        """
        from valkey.exceptions import NoScriptError  # noqa: PLC0415 - slow, see quant.breaker

        arguments = _arguments(subject, windows, count=count)
        try:
            answer = self._valkey.evalsha(_SCRIPT_ID, *arguments)
        except NoScriptError:
            answer = self._load_and_run(arguments)
        return _decision(windows, answer)

    def check_with(
        self, command: Sequence[str], subject: str, windows: Sequence[Window]
    ) -> tuple[Decision, Any]:
        """Decide on a request that counts and run another command, in one round trip.

        Args:
            command: The other command, with its arguments; its keys may be in another slot.
            subject: As of ``check``.
            windows: Likewise.

        Returns:
            The decision, and what the command returned or the error it failed with.

        Raises:
            valkey.exceptions.ValkeyError: Valkey cannot be asked, or not to decide.
            OSError: Likewise.
        """
        from valkey.exceptions import NoScriptError  # noqa: PLC0415 - likewise

        arguments = _arguments(subject, windows, count=True)
        pipeline = self._valkey.pipeline(transaction=False)
        pipeline.execute_command("EVALSHA", _SCRIPT_ID, *arguments)
        pipeline.execute_command(*command)
        answer, found = pipeline.execute(raise_on_error=False)
        if isinstance(answer, NoScriptError):
            answer = self._load_and_run(arguments)
        if isinstance(answer, Exception):
            raise answer
        return _decision(windows, answer), found

    def _load_and_run(self, arguments: Sequence[str | int]) -> Any:
        """Run the script on a server that has just started; this leaves it in its cache."""
        return self._valkey.eval(_SCRIPT, *arguments)


def _arguments(subject: str, windows: Sequence[Window], *, count: bool) -> list[str | int]:
    """Return the number of the script's keys, its keys and its arguments."""
    # The braces make the subject the hash tag: all of its keys are in one slot of a cluster.
    logs = [f"{{quant:limit:{subject}}}:{window.name}" for window in windows]
    marks = [f"{log}:refused" for log in logs]
    arguments: list[str | int] = [len(logs) * 2, *logs, *marks, int(count)]
    for window in windows:
        arguments += (window.limit, round(window.seconds * _MICROSECONDS))
    return arguments


def _decision(windows: Sequence[Window], answer: Sequence[int]) -> Decision:
    """Return what the script's answer says."""
    allowed, time_us, *fields = answer
    states = tuple(
        WindowState(window, used, reset_us / _MICROSECONDS, wait_us / _MICROSECONDS, bool(first))
        for window, (used, reset_us, wait_us, first) in zip(
            windows, batched(fields, _FIELDS), strict=True
        )
    )
    return Decision(bool(allowed), states, time_us, exact=True)
