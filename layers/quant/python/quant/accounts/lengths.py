"""How long e-mail addresses and passwords may be, in characters."""

from typing import Final

# RFC 5321, section 4.5.3.1: 256 octets of path less its angle brackets.
MAX_EMAIL: Final = 254
MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 1024
