"""Opaque tokens: 256 random bits, kept as SHA-256 only.

A hash without salt or stretching is enough for a value nobody can guess. The prefix says what a
token is, to those who find one in a log and to scanners of leaked secrets.
"""

import hashlib
import secrets
from typing import Final

TOKEN_BYTES: Final = 32

REFRESH_PREFIX: Final = "qrt_"
VERIFICATION_PREFIX: Final = "qev_"
RESET_PREFIX: Final = "qpr_"


def new_token(prefix: str) -> str:
    """Return a new token: its prefix and 43 characters of base64url."""
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
