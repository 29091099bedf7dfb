"""What limiters are asked and what they answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

WINDOW_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """A limit on a client's requests in any interval of a given length.

    Attributes:
        name: What it limits: ``tier``, ``network`` or an endpoint class.
        limit: Requests that may pass.
        seconds: Length of the interval.
    """

    name: str
    limit: int
    seconds: float = WINDOW_S


@dataclass(frozen=True, slots=True)
class WindowState:
    """Where a client stands in one window.

    Attributes:
        window: The window.
        used: Requests that passed within it, the present one included if it did.
        reset_after_s: Seconds until the oldest of them no longer counts; 0 if there is none.
        retry_after_s: Seconds until a request could pass; 0 if one could now.
        first_refusal: Whether this request is the first that the window refuses in a window's
            length.
    """

    window: Window
    used: int
    reset_after_s: float
    retry_after_s: float = 0.0
    first_refusal: bool = False

    @property
    def remaining(self) -> int:
        """Requests that could pass at once."""
        return max(0, self.window.limit - self.used)

    @property
    def reset(self) -> int:
        """``reset_after_s`` in whole seconds, rounded up."""
        return math.ceil(self.reset_after_s)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request may pass.

    Attributes:
        allowed: It may, and counts in every window; otherwise it counts in none.
        states: Where the client stands in each window, in the order asked for.
        time_us: When it was decided, microseconds of the deciding clock.
        exact: Whether every other environment's requests were counted too.
    """

    allowed: bool
    states: tuple[WindowState, ...]
    time_us: int
    exact: bool

    @property
    def tightest(self) -> WindowState:
        """The window that refuses longest, else the one that would refuse first."""
        return max(
            self.states,
            key=lambda state: (state.retry_after_s, -state.remaining, state.reset_after_s),
        )

    @property
    def retry_after(self) -> int:
        """Whole seconds until a request could pass every window, rounded up."""
        return math.ceil(max(state.retry_after_s for state in self.states))


class Limiter(Protocol):
    """Anything that decides by windows."""

    def check(self, subject: str, windows: Sequence[Window], *, count: bool = True) -> Decision:
        """Decide on a request.

        Args:
            subject: Names the client.
            windows: Windows it must pass, at least one.
            count: Whether the request counts if it passes; ``False`` only looks.
        """
        ...
