"""Signing keys at rest, and their rotation (docs/adr/0010-key-rotation.md).

Two secrets, so that a function that verifies tokens has no right to read what signs them:

- the signing secret holds the ring: the ``current`` key, which signs, and the ``next`` one, which
  does not yet;
- the JWKS secret holds the public half of both, of keys that signed before until the last token
  of theirs has expired (``exp``), each with the time it was published (``iat``).

A rotation makes ``next`` current and a new key next. The key that starts to sign was therefore
published a whole rotation before; ``promoted`` refuses if that was less than
``PUBLICATION_LEAD_S`` ago.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from quant.errors import QuantError
from quant.secrets import read_secret, write_secret
from quant.settings import MAX_TOKEN_LIFETIME_S
from quant.tokens import LEEWAY_S, MAX_AGE_S, SigningKey

# Signers may keep the current key this long.
SIGNER_MAX_AGE_S: Final = 60.0
# For a request under way while a key expires, and for clocks that differ.
MARGIN_S: Final = 60.0
# A verifier keeps the key set for MAX_AGE_S; the document at /.well-known/jwks.json is up to that
# old when another verifier reads it, and may be kept that long again.
PUBLICATION_LEAD_S: Final = 3 * MAX_AGE_S
# How long a key that no longer signs must still verify.
WITHDRAWAL_S: Final = SIGNER_MAX_AGE_S + MAX_TOKEN_LIFETIME_S + LEEWAY_S + MARGIN_S

ReadSecret = Callable[[str], str]
WriteSecret = Callable[[str, str], None]


class NoSigningKeyError(QuantError):
    """No signing key has been made yet; ``quant keys ensure`` makes one."""


class KeyTooYoungError(QuantError):
    """The next key was not published long enough ago to sign; trying again later helps."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The private keys: the one that signs and the one that will.

    Attributes:
        current: Signs new tokens.
        next: Is published already and signs after the next rotation.
    """

    current: SigningKey
    next: SigningKey

    @classmethod
    def generate(cls) -> Self:
        """Return a ring of new keys."""
        return cls(SigningKey.generate(), SigningKey.generate())

    @classmethod
    def from_json(cls, document: str) -> Self | None:
        """Read the content of the signing secret; ``None`` where there is no key yet."""
        keys = {
            entry["state"]: SigningKey(entry["kid"], entry["private_key"])
            for entry in json.loads(document)["keys"]
        }
        return cls(**keys) if keys else None

    def to_json(self) -> str:
        """Return the content of the signing secret."""
        entries = [
            {"state": state, "kid": key.kid, "private_key": key.private_key}
            for state, key in (("current", self.current), ("next", self.next))
        ]
        return json.dumps({"keys": entries})

    def __iter__(self) -> Iterator[SigningKey]:
        return iter((self.current, self.next))


Jwk = Mapping[str, Any]


def published(jwks: list[Jwk], ring: KeyRing, now: float) -> list[Jwk]:
    """Return the key set with every key of ``ring`` in it, none of them about to expire.

    A key that was to expire counts as published anew: verifiers may have dropped it.
    """
    known = {jwk["kid"]: jwk for jwk in jwks}
    for key in ring:
        jwk = known.get(key.kid, {})
        since = now if "exp" in jwk else jwk.get("iat", now)
        known[key.kid] = {**key.public_jwk(), "iat": int(since)}
    return list(known.values())


def _require_lead(key: SigningKey, jwks: list[Jwk], now: float) -> None:
    """Check that every verifier knows ``key``.

    Raises:
        KeyTooYoungError: Some may not.
    """
    public = next((jwk for jwk in jwks if jwk["kid"] == key.kid), None)
    if public is None:
        msg = "the next signing key is not published; `quant keys ensure` publishes it"
        raise KeyTooYoungError(msg)
    # Times of publication are kept in whole seconds, rounded down.
    wait = public["iat"] + 1 + PUBLICATION_LEAD_S - now
    if wait > 0:
        msg = f"the next signing key was published too recently; it may sign in {wait:.0f} s"
        raise KeyTooYoungError(msg)


def promoted(ring: KeyRing, jwks: list[Jwk], now: float) -> KeyRing:
    """Return the ring after a rotation: ``next`` is current, and a new key is next.

    Raises:
        KeyTooYoungError: Some verifier may not know the next key yet.
    """
    _require_lead(ring.next, jwks, now)
    return KeyRing(ring.next, SigningKey.generate())


def withdrawn(jwks: list[Jwk], ring: KeyRing, now: float) -> list[Jwk]:
    """Return the key set once ``ring`` signs: others get their time to expire, or are gone."""
    mine = {key.kid for key in ring}
    remaining = []
    for jwk in jwks:
        if jwk["kid"] in mine:
            remaining.append(jwk)
        elif "exp" not in jwk:
            remaining.append({**jwk, "exp": int(now + WITHDRAWAL_S)})
        elif jwk["exp"] > now:
            remaining.append(jwk)
    return remaining


def _read_jwks(document: str) -> list[Jwk]:
    keys: list[Jwk] = json.loads(document)["keys"]
    return keys


def current_signing_key(secret_arn: str, read: ReadSecret = read_secret) -> SigningKey:
    """Return the key that new tokens are signed with; keep it ``SIGNER_MAX_AGE_S`` at most.

    Raises:
        NoSigningKeyError: The secret holds no key.
    """
    ring = KeyRing.from_json(read(secret_arn))
    if ring is None:
        msg = "the signing key secret is empty"
        raise NoSigningKeyError(msg)
    return ring.current


def ensure_keys(
    signing_key_secret_arn: str,
    jwks_secret_arn: str,
    *,
    read: ReadSecret = read_secret,
    write: WriteSecret = write_secret,
    now: Callable[[], float] = time.time,
) -> str:
    """Make the first signing keys where there are none, and publish what is missing.

    The public halves are published first: a token must never exist that no verifier can check.

    Returns:
        The key id new tokens are signed with.
    """
    found = KeyRing.from_json(read(signing_key_secret_arn))
    ring = found or KeyRing.generate()
    jwks = _read_jwks(read(jwks_secret_arn))
    public = published(jwks, ring, now())
    if public != jwks:
        write(jwks_secret_arn, json.dumps({"keys": public}))
    if found is None:
        write(signing_key_secret_arn, ring.to_json())
    return ring.current.kid


class Rotation:
    """The four steps in which Secrets Manager rotates the signing secret.

    Every step may be repeated, and abandoned after any of its calls: nothing that verifiers need
    is ever taken away before it can be missed.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html

    Args:
        client: boto3 client of Secrets Manager.
        signing_key_secret_arn: The secret that is rotated.
        jwks_secret_arn: Where the public halves are published.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        client: Any,
        *,
        signing_key_secret_arn: str,
        jwks_secret_arn: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._secret = signing_key_secret_arn
        self._jwks_secret = jwks_secret_arn
        self._now = now

    def create_secret(self, version: str) -> None:
        """Prepare the ring after the rotation as the version ``AWSPENDING``.

        Raises:
            KeyTooYoungError: The next key may not sign yet.
        """
        if "AWSCURRENT" in self._stages(version) or self._pending(version) is not None:
            return
        ring = self._current()
        prepared = KeyRing.generate() if ring is None else promoted(ring, self._jwks(), self._now())
        self._client.put_secret_value(
            SecretId=self._secret,
            ClientRequestToken=version,
            SecretString=prepared.to_json(),
            VersionStages=["AWSPENDING"],
        )

    def set_secret(self, version: str) -> None:
        """Publish the public halves of the pending ring, beside those of the current one."""
        jwks = public = self._jwks()
        for ring in (self._current(), self._expect(version)):
            if ring is not None:
                public = published(public, ring, self._now())
        self._publish(jwks, public)

    def test_secret(self, version: str) -> None:
        """Check that every verifier can verify what the pending ring signs.

        Raises:
            KeyTooYoungError: It was prepared before others were rotated in, and must wait again.
            QuantError: A key is not published, or with another public half.
        """
        current, jwks = self._current(), self._jwks()
        # Where a rotation is set up but not begun, Secrets Manager takes this step alone.
        ring = self._pending(version) or current
        if ring is None:
            return
        if current is not None and current.current.kid != ring.current.kid:
            _require_lead(ring.current, jwks, self._now())
        known = {jwk["kid"]: jwk for jwk in jwks}
        for key in ring:
            public = key.public_jwk()
            if not public.items() <= known.get(key.kid, {}).items():
                msg = f"signing key {key.kid} is not published as it is"
                raise QuantError(msg)

    def finish_secret(self, version: str) -> str:
        """Let the pending ring sign, and give the keys it replaces their time to expire.

        Returns:
            The key id new tokens are signed with.
        """
        ring = self._expect(version)
        stages = self._client.describe_secret(SecretId=self._secret)["VersionIdsToStages"]
        current = next((v for v, names in stages.items() if "AWSCURRENT" in names), None)
        if current != version:
            self._client.update_secret_version_stage(
                SecretId=self._secret,
                VersionStage="AWSCURRENT",
                MoveToVersionId=version,
                **({} if current is None else {"RemoveFromVersionId": current}),
            )
        jwks = self._jwks()
        # The time is read after the move: until now the old key may have been read.
        self._publish(jwks, withdrawn(jwks, ring, self._now()))
        return ring.current.kid

    def run(self, version: str) -> str:
        """Take all four steps; return the key id new tokens are signed with."""
        self.create_secret(version)
        self.set_secret(version)
        self.test_secret(version)
        return self.finish_secret(version)

    def _stages(self, version: str) -> list[str]:
        described = self._client.describe_secret(SecretId=self._secret)
        stages: list[str] = described["VersionIdsToStages"].get(version, [])
        return stages

    def _current(self) -> KeyRing | None:
        return KeyRing.from_json(self._read_current(self._secret))

    def _pending(self, version: str) -> KeyRing | None:
        """Return the ring of a version, ``None`` if it has no content yet."""
        try:
            answer = self._client.get_secret_value(SecretId=self._secret, VersionId=version)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return KeyRing.from_json(answer["SecretString"])

    def _expect(self, version: str) -> KeyRing:
        ring = self._pending(version)
        if ring is None:
            msg = f"version {version} of the signing secret was not created"
            raise QuantError(msg)
        return ring

    def _jwks(self) -> list[Jwk]:
        return _read_jwks(self._read_current(self._jwks_secret))

    def _read_current(self, secret: str) -> str:
        answer = self._client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
        value: str = answer["SecretString"]
        return value

    def _publish(self, old: list[Jwk], new: list[Jwk]) -> None:
        if new != old:
            document = json.dumps({"keys": new})
            self._client.put_secret_value(SecretId=self._jwks_secret, SecretString=document)
