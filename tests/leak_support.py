"""What must be in no log: finds it in text, and plants what would be found."""

import ipaddress
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Every kind of token the platform gives out: JWTs, API and refresh tokens, those of links in mail,
# keys of webhooks' signatures, signed ids of links that stop mails.
_PATTERNS = {
    "JWT": re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}"),
    "token": re.compile(r"q(?:at|rt|ev|pr)_[\w-]{20,}"),
    "webhook secret": re.compile(r"whsec_[\w+/=-]{20,}"),
    "signed id": re.compile(r"\b[0-9a-f]{32}\.[\w-]{43}\b"),
    "signature": re.compile(r"X-Amz-Signature=[0-9a-fA-F]{16,}"),
    "password in URL": re.compile(r"://[^/\s:@\"]*:(?!\[password\])[^@\s/\"]+@"),
}
_EMAIL = re.compile(r"[\w.+'-]{1,64}(?:@|%40)(?:[\w-]+\.)+[A-Za-z]{2,}")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)(?!/\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![\w:])(?!/\d)")
_SHORTEST_SECRET = 12
# Fields of secrets that anybody may know.
_PUBLIC_FIELDS = {"username", "host", "dbname", "engine", "kid", "kty", "crv", "alg", "use", "x"}


@dataclass(frozen=True)
class Leak:
    """Something that must not be in a log.

    Attributes:
        kind: what it is.
        text: the text itself.
        around: the line it is in.
    """

    kind: str
    text: str
    around: str


@dataclass
class Scanner:
    """Finds secrets, tokens, email addresses and full network addresses.

    Attributes:
        known: secrets by their name.
        nobodys: addresses, of mail or of machines, that are nobody's, such as the platform's own.
    """

    known: Mapping[str, str] = field(repr=False)
    nobodys: frozenset[str] = frozenset()

    def leaks(self, text: str) -> Iterator[Leak]:
        """Yield what of that is in a text."""
        for line in text.splitlines():
            for kind, found in self._in_line(line):
                yield Leak(kind, found, line[:400])

    def _in_line(self, line: str) -> Iterator[tuple[str, str]]:
        for name, secret in self.known.items():
            if secret in line:
                yield f"secret {name}", secret
        for kind, pattern in _PATTERNS.items():
            yield from ((kind, match[0]) for match in pattern.finditer(line))
        if "@" in line or "%40" in line:
            for match in _EMAIL.finditer(line):
                if match[0] not in self.nobodys:
                    yield "email", match[0]
        for pattern in (_IPV4, _IPV6):
            for match in pattern.finditer(line):
                if match[0] not in self.nobodys and _is_somebodys(match[0]):
                    yield "address", match[0]


def _is_somebodys(text: str) -> bool:
    """Say whether it is the address of a machine other than this."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the strings in a secret that are worth hiding, each with the path to it."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in _PUBLIC_FIELDS:
                yield from leaves(f"{name}.{key}", each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(name, each)
    elif isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            inner = value
        if isinstance(inner, dict | list):
            yield from leaves(name, inner)
        elif len(value) >= _SHORTEST_SECRET:
            yield name, value


@dataclass(frozen=True)
class Canaries:
    """Values that no log may repeat, of each kind that a client can send; made anew each time."""

    word: str = field(default_factory=lambda: f"canary{secrets.token_hex(12)}")

    def __getattr__(self, name: str) -> str:
        """Return the canary called ``name``."""
        try:
            return self.by_kind()[name]
        except KeyError:
            raise AttributeError(name) from None

    def by_kind(self) -> dict[str, str]:
        """Return all of them."""
        return {
            "email": f"{self.word}@leak.example.org",
            "password": f"pass-{self.word}-Z9",
            "jwt": f"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ{self.word}.{self.word}",
            "api_token": f"qat_{self.word}{'A' * 13}",
            "refresh_token": f"qrt_{self.word}{'A' * 13}",
            "ipv4": "203.0.113.77",
            "ipv6": "2001:db8:77:77::77",
            "url": f"https://user:{self.word}@hooks.example.org/{self.word}",
        }
