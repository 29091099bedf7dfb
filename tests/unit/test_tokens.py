import base64
import hashlib
import hmac
import inspect
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from quant.tokens import (
    MAX_AGE_S,
    REFRESH_INTERVAL_S,
    ExpiredTokenError,
    InvalidTokenError,
    JwksCache,
    SigningKey,
    mint,
    verify,
)

ISSUER, AUDIENCE = "https://auth.test.example", "quant-api"


@pytest.fixture(scope="module")
def key():
    return SigningKey.generate()


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Secret:
    def __init__(self, *keys):
        self.keys = list(keys)
        self.reads = 0

    def __call__(self, _arn):
        self.reads += 1
        return json.dumps({"keys": [key.public_jwk() for key in self.keys]})


def key_set(*keys, clock=time.time):
    return JwksCache(lambda: "arn", fetch=Secret(*keys), now=clock)


def a_token(key, **changes):
    arguments = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "subject": "account-1",
        "tier": "basic",
        "scopes": ["read"],
        "session_id": "session-1",
        "lifetime_s": 60,
        **changes,
    }
    return mint(key, **arguments)


def check(token, *keys):
    return verify(token, key_set(*keys), issuer=ISSUER, audience=AUDIENCE)


def segment(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def claims(**changes):
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "account-1",
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        "jti": "1",
        "sid": "session-1",
        "tier": "basic",
        "scope": "read",
        **changes,
    }


def signed(key, header=None, **changes):
    header = {"kid": key.kid, "typ": "at+jwt", **(header or {})}
    return jwt.encode(
        {name: value for name, value in claims(**changes).items() if value is not None},
        key.private_key,
        algorithm="EdDSA",
        headers=header,
    )


def test_minted_token_verifies(key):
    principal = check(a_token(key), key)
    assert (principal.subject, principal.tier, principal.scopes, principal.session_id) == (
        "account-1",
        "basic",
        ("read",),
        "session-1",
    )


def test_expired_token_is_told_apart(key):
    token = a_token(key, now=lambda: time.time() - 3600)
    with pytest.raises(ExpiredTokenError):
        check(token, key)


def test_every_character_of_the_signature_counts(key):
    token = a_token(key)
    head, payload, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    for position in range(0, len(raw), 7):
        changed = bytearray(raw)
        changed[position] ^= 1
        forged = base64.urlsafe_b64encode(changed).decode().rstrip("=")
        with pytest.raises(InvalidTokenError):
            check(f"{head}.{payload}.{forged}", key)


def test_changed_claims_are_refused(key):
    head, _, signature = a_token(key).split(".")
    with pytest.raises(InvalidTokenError):
        check(f"{head}.{segment(claims(tier='premium'))}.{signature}", key)


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
def test_unsigned_token_is_refused(key, algorithm):
    header = {"alg": algorithm, "typ": "at+jwt", "kid": key.kid}
    with pytest.raises(InvalidTokenError):
        check(f"{segment(header)}.{segment(claims())}.", key)


def test_hmac_with_the_public_key_as_secret_is_refused(key):
    signing_input = (
        segment({"alg": "HS256", "typ": "at+jwt", "kid": key.kid}) + "." + segment(claims())
    )
    public = base64.urlsafe_b64decode(key.public_jwk()["x"] + "==")
    mac = hmac.new(public, signing_input.encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(mac).decode().rstrip("=")
    with pytest.raises(InvalidTokenError):
        check(f"{signing_input}.{signature}", key)


def test_other_asymmetric_algorithm_is_refused(key):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode(
        claims(), other, algorithm="RS256", headers={"kid": key.kid, "typ": "at+jwt"}
    )
    with pytest.raises(InvalidTokenError):
        check(token, key)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another-api"},
        {"aud": ["quant-api", "another-api"]},
        {"nbf": 4_102_444_800},
        {"tier": "owner"},
        {"scope": 7},
        {"tier": None},
        {"jti": None},
        {"sid": None},
        {"sid": 7},
        {"exp": None},
        {"nbf": None},
        {"sub": None},
    ],
    ids=str,
)
def test_wrong_or_missing_claims_are_refused(key, changes):
    with pytest.raises(InvalidTokenError):
        check(signed(key, **changes), key)


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"kid": "nobody"}, {"kid": "../../etc/passwd"}])
def test_wrong_header_is_refused(key, header):
    with pytest.raises(InvalidTokenError):
        check(signed(key, header), key)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é.é.é", "x" * 5000, "\x00"])
def test_garbage_is_refused(key, token):
    with pytest.raises(InvalidTokenError):
        check(token, key)


def test_key_of_another_holder_is_refused(key):
    impostor = SigningKey(kid=key.kid, private_key=SigningKey.generate().private_key)
    with pytest.raises(InvalidTokenError):
        check(a_token(impostor), key)


def test_made_up_kids_do_not_read_the_secret_each_time(key):
    clock, secret = Clock(), Secret(key)
    keys = JwksCache(lambda: "arn", fetch=secret, now=clock)
    for number in range(50):
        with pytest.raises(InvalidTokenError):
            keys.key(f"made-up-{number}")
    assert secret.reads == 1


def test_key_set_ages_while_the_environment_is_frozen():
    # Lambda stops the processor between invocations, and the monotonic clock with it.
    assert inspect.signature(JwksCache).parameters["now"].default is time.time


@pytest.mark.parametrize("seconds", [-1, -86_400])
def test_clock_set_back_does_not_keep_the_key_set(key, seconds):
    clock, secret = Clock(), Secret(key)
    keys = JwksCache(lambda: "arn", fetch=secret, now=clock)
    keys.key(key.kid)
    clock.now += seconds
    keys.key(key.kid)
    assert secret.reads == 2


def test_new_key_is_found_and_withdrawn_key_is_forgotten(key):
    clock, secret = Clock(), Secret(key)
    keys = JwksCache(lambda: "arn", fetch=secret, now=clock)
    keys.key(key.kid)
    successor = SigningKey.generate()
    secret.keys = [successor]
    clock.now = REFRESH_INTERVAL_S
    assert keys.key(successor.kid)
    with pytest.raises(InvalidTokenError):
        keys.key(key.kid)
    secret.keys = []
    clock.now += MAX_AGE_S
    with pytest.raises(InvalidTokenError):
        keys.key(successor.kid)
