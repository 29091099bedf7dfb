"""When a test of a relation counts as a finding, and what an answer says beside."""

import math
from typing import Final

# A finding is one whose q-value is at most this.
LEVEL: Final = 0.05

NOTICE: Final = (
    "Relations between disclosed numbers beside a stated null hypothesis: common news, advisers or "
    "markets make one, too. No finding about a person, and no investment advice."
)


def status(p_value: float, q_value: float) -> str:
    """Say whether a test finds something, nothing, or was not made (NaN)."""
    if math.isnan(p_value):
        return "insufficient_data"
    return "found" if q_value <= LEVEL else "not_found"
