"""The tier table: the one place that says what each tier may use.

Read by the limiter, the authorizer, the CDK usage plans and the documentation. Standard library
only, so that CDK can import it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class EndpointClass(StrEnum):
    """Class of routes that share a rate limit."""

    DATA = "data"  # disclosures; the tier's own rate is their limit
    AUTH = "auth"  # accounts, sessions and tokens
    ANALYTICS = "analytics"  # computed for the request
    EXPORT = "export"  # many pages in one answer


@dataclass(frozen=True, slots=True)
class Tier:
    """What a client of one tier may use.

    Attributes:
        name: Value of the access token's ``tier`` claim.
        requests_per_minute: Requests an account may make in any 60 s, over all routes.
        burst: Size of the usage plan's token bucket, in requests.
        monthly_quota: Requests per calendar month counted by the usage plan.
        class_limits: Lower limits of endpoint classes, requests in any 60 s; each request counts
            towards its class and towards the tier.
        watchlists: Watchlists an account may have.
    """

    name: str
    requests_per_minute: int
    burst: int
    monthly_quota: int
    class_limits: Mapping[EndpointClass, int]
    watchlists: int

    @property
    def rate_limit(self) -> float:
        """Refill rate of the usage plan's token bucket, in requests per second."""
        return self.requests_per_minute / 60


def _classes(*, auth: int, analytics: int, export: int) -> Mapping[EndpointClass, int]:
    return MappingProxyType(
        {
            EndpointClass.AUTH: auth,
            EndpointClass.ANALYTICS: analytics,
            EndpointClass.EXPORT: export,
        }
    )


# Auth: managing an account is a person's clicks, whatever they pay. Analytics: half of the tier's
# rate, as such an answer is computed where a list is mostly read from the cache. Export: an answer
# stands for some hundred pages, hence a tenth of the tier's rate.
TIERS: Final[Mapping[str, Tier]] = {
    tier.name: tier
    for tier in (
        Tier(
            "free",
            requests_per_minute=20,
            burst=20,
            monthly_quota=10_000,
            class_limits=_classes(auth=15, analytics=10, export=2),
            watchlists=3,
        ),
        Tier(
            "basic",
            requests_per_minute=60,
            burst=60,
            monthly_quota=100_000,
            class_limits=_classes(auth=30, analytics=30, export=6),
            watchlists=20,
        ),
        Tier(
            "premium",
            requests_per_minute=200,
            burst=200,
            monthly_quota=1_000_000,
            class_limits=_classes(auth=30, analytics=100, export=20),
            watchlists=100,
        ),
    )
}

# What clients without a token may ask of public routes that use a data store, in any 60 s, by
# network (/24 of IPv4, /48 of IPv6). A network may be an office or a carrier's NAT: a client that
# stays logged in refreshes twice an hour, so 30 requests a minute carry some 900 of them, and are
# still too few to guess passwords with. 60 leaves room for public routes of other classes.
ANONYMOUS_PER_MINUTE: Final = 60
ANONYMOUS_CLASS_LIMITS: Final = _classes(auth=30, analytics=10, export=2)
