"""When a webhook is tried again.

The delays follow the schedule that Standard Webhooks recommends, as far as a queue's visibility
time-out reaches (12 hours). Standard library only, so that CDK can import it.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import random
from typing import Final

# Seconds between an attempt and the next: 27.6 hours in all.
DELAYS_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
MAX_ATTEMPTS: Final = len(DELAYS_S) + 1


# "Gone": the receiver wants no more of these, and is not asked again.
GONE: Final = 410


def delay_after(attempt: int) -> int:
    """Return the seconds to wait after a failed attempt, the first being 1.

    A tenth more or less, so that what failed together does not come back together.
    """
    delay = DELAYS_S[min(attempt, len(DELAYS_S)) - 1]
    return round(delay * random.uniform(0.9, 1.1))  # noqa: S311 - nobody gains by guessing it


def is_final(attempt: int, status: int | None) -> bool:
    """Say whether a failed attempt is the last."""
    return attempt >= MAX_ATTEMPTS or status == GONE
