"""The last line of defence of every log: what must not be in one is masked as it is written.

Nothing is meant to log any of this. But exceptions carry what they were made of, and libraries log
what they like: so every handler of the process, whoever made it, writes through ``mask``.
"""

import ipaddress
import logging
import re
from typing import Final

from quant.origin import anonymised_network

# Each has a longest length or can begin only once in a run of what it takes, so that none takes
# quadratic time on text that a client made.
_URL_PASSWORD: Final = re.compile(r"(://[^/\s:@\"]{0,64}):[^@\s/\"]{1,256}@")
# Of JSON, URLs and words the beginning: an escape may precede.
_BEGINNING: Final = r"(?:(?<![\w-])|(?<=\\[bfnrt])|(?<=%[0-9A-Fa-f]{2}))"
_JWT: Final = re.compile(_BEGINNING + r"eyJ[\w-]{8,}+(?:\.[\w-]*+){1,2}")
# API tokens, refresh tokens, those of links in mail; keys of webhooks' signatures.
_TOKEN: Final = re.compile(r"q(?:at|rt|ev|pr)_[\w-]{20,}|whsec_[\w+/=-]{20,}")
# Of the links that stop a watchlist's mail: its id and a signature.
_SIGNED_ID: Final = re.compile(r"[0-9a-f]{32}\.[\w-]{43}")
_AUTHORIZATION: Final = re.compile(
    r"(authorization\\?[\"']?\s{0,8}[:=]\s{0,8}\\?[\"']?)(?:bearer\s|basic\s)?[^\s\"',;)\\}\[]+"
    r"|(bearer\s+)[\w.~+/=-]{16,}",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(
    r"((?:password|secret)\\?[\"']\s{0,8}[:=]\s{0,8}\\?[\"'])[^\"'\\]+", re.IGNORECASE
)
# Of links to objects of S3 that need no other credential.
_SIGNATURE: Final = re.compile(r"(X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s\"'\\]+")
# A line of JSON has escapes, which must stay whole: `\n` before an address is not part of it.
_EMAIL: Final = re.compile(
    r"(\\[bfnrt])?(?:[\w.!#$&'*+/=?^`{|}~-]|%2[Bb]|\\u[0-9a-fA-F]{4}){1,64}(?:@|%40)"
    r"(?:(?:[\w-]|\\u[0-9a-fA-F]{4}){1,63}\.){1,8}(?:[\w-]|\\u[0-9a-fA-F]{4}){2,63}"
)
_IPV4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]?\d)(?!/\d)")
_IPV6: Final = re.compile(
    r"(?<![0-9A-Fa-f:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]|\.\d)(?!/\d)"
)
_MOST_COLONS: Final = 7
# What the three that begin with no fixed character have in them: found in a hundredth of the time.
_SIGNATURE_OF_ID: Final = re.compile(r"\.[\w-]{43}")
_IN_IPV4: Final = re.compile(r"\.\d{1,3}\.\d")
_IN_IPV6: Final = re.compile(r"::|:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:")


def mask(text: str) -> str:
    """Return ``text`` without passwords, tokens, email addresses and full addresses of clients.

    Addresses of the internet keep their network, /24 of IPv4 and /48 of IPv6; those of the machine
    itself stay as they are.
    """
    if "eyJ" in text:
        text = _JWT.sub("[jwt]", text)
    if "_" in text:
        text = _TOKEN.sub("[token]", text)
    if _SIGNATURE_OF_ID.search(text):
        text = _SIGNED_ID.sub("[token]", text)
    lowered = text.lower()
    if "authorization" in lowered or "bearer" in lowered:
        text = _AUTHORIZATION.sub(r"\1\2[authorization]", text)
    if "password" in lowered or "secret" in lowered:
        text = _PASSWORD.sub(r"\1[password]", text)
    if "X-Amz-" in text:
        text = _SIGNATURE.sub(r"\1[signature]", text)
    if "@" in text or "%40" in text:
        text = _URL_PASSWORD.sub(r"\1:[password]@", text)
        text = _EMAIL.sub(r"\1[email]", text)
    if _IN_IPV4.search(text):
        text = _IPV4.sub(_network, text)
    if _IN_IPV6.search(text):
        text = _IPV6.sub(_network, text)
    return text


def _network(match: re.Match[str]) -> str:
    address = match[0]
    # Most candidates are times of day.
    if "." not in address and "::" not in address and address.count(":") != _MOST_COLONS:
        return address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.is_loopback or parsed.is_unspecified:
        return address
    return anonymised_network(address) or address


def install() -> None:
    """Have every handler of the process, present and future, write through ``mask``.

    The method that all handlers format with is replaced: a filter sees neither what a formatter
    makes of an exception nor records of loggers that others configure.
    """
    plain = logging.Handler.format
    if getattr(plain, "masks", False):
        return

    def format_masked(self: logging.Handler, record: logging.LogRecord) -> str:
        return mask(plain(self, record))

    format_masked.masks = True  # type: ignore[attr-defined]
    logging.Handler.format = format_masked  # type: ignore[method-assign]
