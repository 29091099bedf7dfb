import json
import uuid

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from quant import keys
from quant.errors import QuantError
from quant.keys import (
    PUBLICATION_LEAD_S,
    SIGNER_MAX_AGE_S,
    WITHDRAWAL_S,
    KeyRing,
    KeyTooYoungError,
    NoSigningKeyError,
    Rotation,
    current_signing_key,
    ensure_keys,
)
from quant.settings import MAX_TOKEN_LIFETIME_S
from quant.tokens import MAX_AGE_S, InvalidTokenError, JwksCache

START = 1_800_000_000.0


class NotFoundError(Exception):
    pass


class SecretsManager:
    """As much of Secrets Manager as a rotation uses, both secrets empty."""

    class exceptions:  # noqa: N801 - as in boto3
        ResourceNotFoundException = NotFoundError

    def __init__(self):
        self.versions = {name: {} for name in ("signing", "jwks")}
        self.stages = {name: {} for name in ("signing", "jwks")}
        self.writes = []
        self.fail_publishing = False
        for name in self.versions:
            self.write(name, '{"keys": []}')
        self.writes.clear()

    def read(self, name):
        return self.get_secret_value(SecretId=name)["SecretString"]

    def write(self, name, value):
        self.put_secret_value(SecretId=name, SecretString=value)

    def get_secret_value(self, SecretId, VersionId=None, VersionStage="AWSCURRENT"):  # noqa: N803
        version = VersionId or self.stages[SecretId][VersionStage]
        if version not in self.versions[SecretId]:
            raise NotFoundError
        return {"SecretString": self.versions[SecretId][version]}

    def put_secret_value(
        self,
        SecretId,  # noqa: N803
        SecretString,  # noqa: N803
        ClientRequestToken=None,  # noqa: N803
        VersionStages=("AWSCURRENT",),  # noqa: N803
    ):
        if SecretId == "jwks" and self.fail_publishing:
            raise ConnectionError
        version = ClientRequestToken or str(uuid.uuid4())
        assert version not in self.versions[SecretId]
        self.versions[SecretId][version] = SecretString
        for stage in VersionStages:
            self.stages[SecretId][stage] = version
        self.writes.append(SecretId)

    def describe_secret(self, SecretId):  # noqa: N803
        stages = self.stages[SecretId].items()
        return {
            "VersionIdsToStages": {
                version: [stage for stage, holder in stages if holder == version]
                for version in self.versions[SecretId]
            }
        }

    def update_secret_version_stage(
        self,
        SecretId,  # noqa: N803
        VersionStage,  # noqa: N803
        MoveToVersionId,  # noqa: N803
        RemoveFromVersionId,  # noqa: N803
    ):
        assert self.stages[SecretId][VersionStage] == RemoveFromVersionId
        assert MoveToVersionId in self.versions[SecretId]
        self.stages[SecretId][VersionStage] = MoveToVersionId


class World:
    """Secrets, a clock, and whoever changes them."""

    def __init__(self):
        self.now = START
        self.vault = SecretsManager()
        self.rotation = Rotation(
            self.vault, signing_key_secret_arn="signing", jwks_secret_arn="jwks", now=self.clock
        )

    def clock(self):
        return self.now

    def ensure(self):
        return ensure_keys(
            "signing", "jwks", read=self.vault.read, write=self.vault.write, now=self.clock
        )

    def ring(self):
        return KeyRing.from_json(self.vault.read("signing"))

    def jwks(self):
        return {key["kid"]: key for key in json.loads(self.vault.read("jwks"))["keys"]}

    def verifier(self):
        return JwksCache(lambda: "jwks", fetch=self.vault.read, now=self.clock)


@pytest.fixture
def world():
    return World()


def test_first_run_makes_two_keys_and_publishes_them_first(world):
    kid = world.ensure()
    assert world.vault.writes == ["jwks", "signing"]
    ring = world.ring()
    assert current_signing_key("signing", world.vault.read) == ring.current
    assert kid == ring.current.kid != ring.next.kid
    assert set(world.jwks()) == {key.kid for key in ring}


def test_second_run_changes_nothing(world):
    kid = world.ensure()
    world.vault.writes.clear()
    assert world.ensure() == kid
    assert world.vault.writes == []


def test_lost_public_set_is_published_again(world):
    kid = world.ensure()
    before = world.jwks()
    world.vault.write("jwks", '{"keys": []}')
    assert world.ensure() == kid
    assert world.jwks() == before


def test_public_set_holds_nothing_private(world):
    world.ensure()
    for key in world.jwks().values():
        assert set(key) == {"kty", "crv", "x", "kid", "alg", "use", "iat"}
    for key in world.verifier().documents():
        assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}


def test_no_key_is_a_clear_error(world):
    with pytest.raises(NoSigningKeyError):
        current_signing_key("signing", world.vault.read)


def test_a_rotation_makes_the_published_next_key_current(world):
    world.ensure()
    before = world.ring()
    world.now += PUBLICATION_LEAD_S + 1
    world.rotation.run("v1")
    after = world.ring()
    assert after.current == before.next
    assert set(world.jwks()) == {before.current.kid, before.next.kid, after.next.kid}
    leaving = world.jwks()[before.current.kid]
    assert leaving["exp"] == int(world.now + WITHDRAWAL_S)
    assert before.current.private_key not in world.vault.read("signing")


def test_a_key_published_too_recently_does_not_sign(world):
    world.ensure()
    world.now += PUBLICATION_LEAD_S - 1
    with pytest.raises(KeyTooYoungError, match="may sign in 2 s"):
        world.rotation.run("v1")
    world.now += 2
    world.rotation.run("v1")


def test_a_key_that_left_is_refused_from_its_expiry_on_and_then_forgotten(world):
    world.ensure()
    old = world.ring().current.kid
    world.now += PUBLICATION_LEAD_S + 1
    world.rotation.run("v1")
    verifier = world.verifier()
    world.now += WITHDRAWAL_S - 1
    verifier.key(old)
    world.now += 1
    with pytest.raises(InvalidTokenError):
        verifier.key(old)
    assert old not in {key["kid"] for key in verifier.documents()}
    world.rotation.run("v2")
    assert old not in world.jwks()


def test_a_rotation_of_an_empty_secret_makes_the_first_keys(world):
    world.rotation.run("v1")
    assert set(world.jwks()) == {key.kid for key in world.ring()}


def test_a_key_published_with_another_half_fails_the_test_step(world):
    world.ensure()
    world.now += PUBLICATION_LEAD_S + 1
    world.rotation.create_secret("v1")
    world.rotation.set_secret("v1")
    document = json.loads(world.vault.read("jwks"))
    document["keys"][-1]["x"] = document["keys"][0]["x"]
    world.vault.write("jwks", json.dumps(document))
    with pytest.raises(QuantError, match="not published as it is"):
        world.rotation.test_secret("v1")


def test_steps_of_an_unknown_version_fail(world):
    world.ensure()
    for step in (world.rotation.set_secret, world.rotation.finish_secret):
        with pytest.raises(QuantError, match="not created"):
            step("missing")


def test_the_test_step_alone_passes_where_a_rotation_is_set_up(world):
    world.rotation.test_secret("setting-up")
    world.ensure()
    world.rotation.test_secret("setting-up")


def test_periods_cover_what_they_must():
    # A verifier reads the published document at its oldest and keeps it as long again.
    assert PUBLICATION_LEAD_S >= 2 * MAX_AGE_S
    assert WITHDRAWAL_S > SIGNER_MAX_AGE_S + MAX_TOKEN_LIFETIME_S


class Rotations(RuleBasedStateMachine):
    """Signers and verifiers with caches of any age, while rotations start, stop and repeat.

    The one invariant: no verifier ever refuses the key of a token that is still valid.
    """

    def __init__(self):
        super().__init__()
        self.world = World()
        self.versions = []
        self.signers = [None] * 3
        self.verifiers = [self.world.verifier() for _ in range(3)]
        self.tokens = []

    @initialize()
    def first_keys(self):
        self.world.ensure()

    @rule(
        seconds=st.one_of(
            st.integers(1, 120),
            st.integers(120, 1200),
            st.integers(1200, int(2 * WITHDRAWAL_S)),
        )
    )
    def wait(self, seconds):
        self.world.now += seconds

    @rule(signer=st.integers(0, 2))
    def sign(self, signer):
        now = self.world.now
        kept = self.signers[signer]
        if kept is None or now - kept[0] >= SIGNER_MAX_AGE_S:
            kept = now, current_signing_key("signing", self.world.vault.read).kid
            self.signers[signer] = kept
        self.tokens.append((kept[1], now + MAX_TOKEN_LIFETIME_S))

    @rule(verifier=st.integers(0, 2))
    def verify(self, verifier):
        self.tokens = [token for token in self.tokens if token[1] > self.world.now]
        for kid, _ in self.tokens:
            self.verifiers[verifier].key(kid)

    def _attempt(self, version, steps, pause, fail_publishing):
        rotation = self.world.rotation
        calls = (
            rotation.create_secret,
            rotation.set_secret,
            rotation.test_secret,
            rotation.finish_secret,
        )
        try:
            for number, call in enumerate(calls[:steps]):
                self.world.vault.fail_publishing = fail_publishing and number == 3
                call(version)
                self.world.now += pause
        except (KeyTooYoungError, ConnectionError):
            pass
        finally:
            self.world.vault.fail_publishing = False

    @rule(
        steps=st.integers(1, 4), pause=st.sampled_from([0, 1, 400]), fail_publishing=st.booleans()
    )
    def rotate(self, steps, pause, fail_publishing):
        self.versions.append(str(uuid.uuid4()))
        self._attempt(self.versions[-1], steps, pause, fail_publishing)

    @rule()
    def rotate_at_the_earliest(self):
        published = self.world.jwks()[self.world.ring().next.kid]["iat"]
        self.world.now = max(self.world.now, published + PUBLICATION_LEAD_S + 1)
        self.rotate(4, 0, False)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), fail_publishing=st.booleans())
    def resume(self, data, fail_publishing):
        """Also of a version that was current before: that takes the rotation back."""
        self._attempt(data.draw(st.sampled_from(self.versions)), 4, 0, fail_publishing)

    @rule()
    def ensure(self):
        self.world.ensure()


TestRotations = Rotations.TestCase
TestRotations.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_without_the_lead_valid_tokens_would_be_refused(monkeypatch):
    monkeypatch.setattr(keys, "PUBLICATION_LEAD_S", 0.0)
    world = World()
    world.ensure()
    verifier = world.verifier()
    verifier.documents()
    for version in ("v1", "v2"):
        world.now += 2
        world.rotation.run(version)
    with pytest.raises(InvalidTokenError):
        verifier.key(world.ring().current.kid)


def test_without_the_time_to_expire_valid_tokens_would_be_refused(monkeypatch):
    monkeypatch.setattr(keys, "WITHDRAWAL_S", 0.0)
    world = World()
    world.ensure()
    old = world.ring().current.kid
    world.now += PUBLICATION_LEAD_S + 1
    world.rotation.run("v1")
    with pytest.raises(InvalidTokenError):
        world.verifier().key(old)


def test_a_printed_key_shows_nothing_private(world):
    world.ensure()
    assert "PRIVATE" not in repr(world.ring())
