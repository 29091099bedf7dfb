"""An environment that is asked at a fixed rate, and what is noted of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from environment import Environment
from traffic import Request, status
from trend_support import Slope, slope


@dataclass(frozen=True)
class Outcome:
    """One request's end.

    Attributes:
        due: When it had to be sent, seconds from the start of the soak.
        taken: Seconds from then until the answer, hence with the wait for the one before.
        kind: Of the request.
        status: Of the answer.
        expected: Whether that is one it may have.
    """

    due: float
    taken: float
    kind: str
    status: int
    expected: bool


@dataclass(frozen=True)
class Sample:
    """What an environment held at a moment: bytes, and numbers of the rest."""

    at: float
    requests: int
    private: int
    resident: int
    descriptors: int
    sockets: int
    threads: int


@dataclass
class Soaked:
    """An environment and what came of its requests."""

    name: str
    environment: Environment
    requests: Iterator[Request]
    outcomes: list[Outcome] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    def warm_up(self, requests: int) -> None:
        """Have the environment answer what it will be asked, and forget the outcomes."""
        for _ in range(requests):
            self._send(0.0, time.monotonic())
        self.outcomes.clear()

    def serve(self, started: float, *, offset: float, rate: float, seconds: float) -> None:
        """Send each request when it is due, or at once where the one before took longer.

        Args:
            started: When the soak did, by the monotonic clock.
            offset: When the first request is due, seconds from then.
            rate: Requests a second.
            seconds: When the last one is due at the latest.
        """
        for number in range(int((seconds - offset) * rate) + 1):
            due = offset + number / rate
            time.sleep(max(started + due - time.monotonic(), 0.0))
            self._send(due, started)

    def _send(self, due: float, started: float) -> None:
        request = next(self.requests)
        answer = self.environment.invoke(request.event)
        taken = time.monotonic() - started - due
        found = status(answer)
        expected = found in request.statuses
        self.outcomes.append(Outcome(due, taken, request.kind, found, expected))
        if not expected and len(self.unexpected) < 5:
            self.unexpected.append(f"{request.kind}: {answer.payload[:1000]!r}")

    def sample(self, at: float) -> None:
        """Note what the environment holds."""
        process = self.environment.process
        memory = process.memory_full_info()
        self.samples.append(
            Sample(
                at,
                len(self.outcomes),
                memory.uss,
                memory.rss,
                process.num_fds(),
                self.environment.sockets,
                process.num_threads(),
            )
        )

    def growth(self) -> Slope:
        """Bytes of private memory that a request adds."""
        return slope(
            [sample.requests for sample in self.samples],
            [sample.private for sample in self.samples],
        )
