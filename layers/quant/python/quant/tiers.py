"""The tier table: the one place that says what each tier may use.

Read by the authorizer, the CDK usage plans and the documentation.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Tier:
    """What a client of one tier may use.

    Attributes:
        name: Value of the access token's ``tier`` claim.
        requests_per_minute: Steady rate a client is promised.
        burst: Size of the usage plan's token bucket, in requests.
        monthly_quota: Requests per calendar month counted by the usage plan.
    """

    name: str
    requests_per_minute: int
    burst: int
    monthly_quota: int

    @property
    def rate_limit(self) -> float:
        """Refill rate of the usage plan's token bucket, in requests per second."""
        return self.requests_per_minute / 60


TIERS: Final[dict[str, Tier]] = {
    tier.name: tier
    for tier in (
        Tier("free", requests_per_minute=20, burst=20, monthly_quota=10_000),
        Tier("basic", requests_per_minute=60, burst=60, monthly_quota=100_000),
        Tier("premium", requests_per_minute=200, burst=200, monthly_quota=1_000_000),
    )
}
