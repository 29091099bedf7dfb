"""Whether a generated secret is as strong as 32 random bytes, as far as that can be seen.

Nobody can measure the entropy of one value. What can be done is to refuse values that cannot have
it: too short for their alphabet, repetitive, in sequence, or made of words everybody tries first.
"""

import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Final

MIN_BYTES: Final = 32
MIN_BITS: Final = MIN_BYTES * 8
# By chance a secret may lack all digits, say, and its alphabet look smaller than it is.
_SLACK: Final = 0.95
# Of MIN_BITS random bits in hexadecimal or base64, the counted frequencies of the characters alone
# show at least this many; of most patterns they do not.
MIN_COUNTED_BITS: Final = 160

_WORDS: Final = re.compile(
    r"change-?_?me|password|passwd|secret|default|example|sample|insecure|placeholder|replace|"
    r"test|demo|dummy|admin|root|postgres|valkey|redis|quant|letmein|qwerty|asdf|welcome|"
    r"local|dev|prod|token|key|your|this|value|for|the|my|database|1234|5678|abc|123|000|xxx",
    re.IGNORECASE,
)
_ALPHABETS: Final = (
    (re.compile(r"[a-z]"), 26),
    (re.compile(r"[A-Z]"), 26),
    (re.compile(r"[0-9]"), 10),
)
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")


def _alphabet(secret: str) -> int:
    if _HEXADECIMAL.fullmatch(secret):
        return 16
    others = {
        character for character in secret if not (character.isascii() and character.isalnum())
    }
    return sum(size for pattern, size in _ALPHABETS if pattern.search(secret)) + len(others)


def _counted_bits(secret: str) -> float:
    counts = Counter(secret)
    return -sum(n * math.log2(n / len(secret)) for n in counts.values())


def _is_periodic(secret: str) -> bool:
    return (secret + secret).find(secret, 1) < len(secret)


def _steps(secret: str) -> int:
    """Number of characters that repeat or continue the one before them: aa, ab, 21."""
    return sum(abs(ord(b) - ord(a)) <= 1 for a, b in pairwise(secret))


# The first that applies is the reason given. A period may be cut off at the end.
_RULES: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    (f"shorter than {MIN_BYTES} bytes", lambda secret: len(secret.encode()) < MIN_BYTES),
    (
        "made of words that are tried first",
        lambda secret: len(_WORDS.sub("", secret)) < len(secret) * 2 / 3,
    ),
    (
        "repetitive",
        lambda secret: any(_is_periodic(secret[: len(secret) - cut]) for cut in range(16)),
    ),
    ("a sequence", lambda secret: _steps(secret) > len(secret) / 2),
    (
        f"too short for its alphabet to hold {MIN_BITS} bits",
        lambda secret: len(secret) * math.log2(_alphabet(secret)) < MIN_BITS * _SLACK,
    ),
    ("of too few different characters", lambda secret: _counted_bits(secret) < MIN_COUNTED_BITS),
)


def weakness(secret: str) -> str | None:
    """Return why ``secret`` is weaker than 32 random bytes, or ``None``; never shows the secret."""
    return next((reason for reason, applies in _RULES if applies(secret)), None)
