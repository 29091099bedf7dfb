"""Where a request came from, in the form that may be kept: anonymised.

Truncation of addresses follows what the GDPR's anonymisation guidance calls generalisation: /24 of
IPv4 and /48 of IPv6 name a network, not a subscriber.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Final

IPV4_PREFIX: Final = 24
IPV6_PREFIX: Final = 48


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from.

    Attributes:
        request_id: The request's id.
        network: Anonymised network of the client, or ``None`` if unknown.
        user_agent_hash: 16 hex digits that tell user agents apart, or ``None`` if none was sent.
    """

    request_id: str | None = None
    network: str | None = None
    user_agent_hash: str | None = None


def anonymised_network(address: str) -> str | None:
    """Return the network an address belongs to, or ``None`` if it is no address."""
    try:
        parsed = ipaddress.ip_address(address.strip())
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    prefix = IPV4_PREFIX if parsed.version == 4 else IPV6_PREFIX
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False))


def user_agent_hash(user_agent: str | None) -> str | None:
    """Return a digest that tells user agents apart without keeping them."""
    if not user_agent:
        return None
    return hashlib.sha256(user_agent.encode()).hexdigest()[:16]
