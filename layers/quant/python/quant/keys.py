"""Signing keys at rest: the private keys' secret and the public key set's secret.

Two secrets, so that a function that verifies tokens has no right to read what signs them.
"""

import json
from collections.abc import Callable

from quant.errors import QuantError
from quant.secrets import read_secret, write_secret
from quant.tokens import SigningKey

ReadSecret = Callable[[str], str]
WriteSecret = Callable[[str, str], None]


class NoSigningKeyError(QuantError):
    """No signing key has been made yet; ``quant keys ensure`` makes one."""


def _signing_keys(document: str) -> list[SigningKey]:
    return [SigningKey(**entry) for entry in json.loads(document)["keys"]]


def current_signing_key(secret_arn: str, read: ReadSecret = read_secret) -> SigningKey:
    """Return the key that new tokens are signed with, the last of its secret.

    Raises:
        NoSigningKeyError: The secret holds no key.
    """
    keys = _signing_keys(read(secret_arn))
    if not keys:
        msg = "the signing key secret is empty"
        raise NoSigningKeyError(msg)
    return keys[-1]


def ensure_keys(
    signing_key_secret_arn: str,
    jwks_secret_arn: str,
    *,
    read: ReadSecret = read_secret,
    write: WriteSecret = write_secret,
) -> str:
    """Make a first signing key where there is none, and publish what is missing.

    The public half is published first: a token must never exist that no verifier can check.

    Returns:
        The key id new tokens are signed with.
    """
    keys = _signing_keys(read(signing_key_secret_arn))
    made = not keys
    if made:
        keys = [SigningKey.generate()]
    public = {"keys": [key.public_jwk() for key in keys]}
    if json.loads(read(jwks_secret_arn)) != public:
        write(jwks_secret_arn, json.dumps(public))
    if made:
        private = [{"kid": key.kid, "private_key": key.private_key} for key in keys]
        write(signing_key_secret_arn, json.dumps({"keys": private}))
    return keys[-1].kid
