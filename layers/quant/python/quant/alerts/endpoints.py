"""Which addresses a webhook may go to: a subscriber must not send us into our own network.

A URL is checked when it is given, and its host's addresses each time it is used: a name that was
public may have been pointed elsewhere since (DNS rebinding). The connection then goes to the very
address that was checked.

Source: https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from quant.errors import InvalidInputError, QuantError
from quant.settings import Environment, edge_settings

MAX_URL_LENGTH: Final = 2048

_HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]",
    re.IGNORECASE,
)
# Addresses that lead to others: the well-known prefix of NAT64 (RFC 6052) holds any IPv4 address.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenEndpointError(QuantError):
    """A webhook must not be sent there."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a webhook goes.

    Attributes:
        scheme: ``https``, or ``http`` to this machine in the local environment.
        host: Host name or address literal, without brackets.
        port: TCP port.
        target: Path and query.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


def parse_endpoint(url: str) -> Endpoint:
    """Return what a webhook's URL says.

    Raises:
        ForbiddenEndpointError: It is not a URL that a webhook may have.
    """
    if len(url) > MAX_URL_LENGTH or not re.fullmatch(r"[\x21-\x7e]+", url) or "\\" in url:
        msg = f"must be a URL of up to {MAX_URL_LENGTH} ASCII characters"
        raise ForbiddenEndpointError(msg)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        msg = "must be a URL"
        raise ForbiddenEndpointError(msg) from error
    if parts.username is not None or parts.password is not None or parts.fragment:
        msg = "must have neither user name, password nor fragment"
        raise ForbiddenEndpointError(msg)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_local()):
        msg = "must be an https URL"
        raise ForbiddenEndpointError(msg)
    literal = _address(host)
    if literal is not None:
        _require_reachable(literal, parts.scheme)
    elif not _HOST_NAME.fullmatch(host) and not (host == "localhost" and _is_local()):
        msg = "must name a public host"
        raise ForbiddenEndpointError(msg)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


def check_url(url: str) -> None:
    """Check a webhook's URL as somebody gives it.

    Raises:
        InvalidInputError: It is not one that a webhook may have.
    """
    try:
        parse_endpoint(url)
    except ForbiddenEndpointError as error:
        raise InvalidInputError("webhook_url", "forbidden_url", str(error)) from error


def resolve(endpoint: Endpoint) -> Address:
    """Return an address of the endpoint's host that a webhook may be sent to.

    Raises:
        ForbiddenEndpointError: One of its addresses is not public.
        OSError: The host has no address.
    """
    answers = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(answer[4][0]) for answer in answers]
    for address in addresses:
        _require_reachable(address, endpoint.scheme)
    # IPv4 first: Lambda reaches IPv6 only where its network was made for it.
    return min(addresses, key=lambda address: address.version)


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_local() -> bool:
    return edge_settings().environment is Environment.LOCAL


def _require_reachable(address: Address, scheme: str) -> None:
    if address.is_loopback and _is_local():
        return
    if scheme == "http":
        msg = "http is for this machine only"
        raise ForbiddenEndpointError(msg)
    if not _is_public(address):
        msg = "must be at a public address"
        raise ForbiddenEndpointError(msg)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address.teredo or address in _NAT64
    ):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )
