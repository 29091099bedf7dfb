import pytest

from quant.accounts import issuing
from quant.keys import SIGNER_MAX_AGE_S
from quant.tokens import SigningKey


@pytest.fixture
def read(monkeypatch):
    """Keys handed out so far, a new one each time the secret is read."""
    for name, value in {
        "ISSUER": "https://quant.example",
        "AUDIENCE": "quant",
        "JWKS_SECRET_ARN": "jwks",
        "SIGNING_KEY_SECRET_ARN": "signing-key",
    }.items():
        monkeypatch.setenv(f"QUANT_TOKEN_{name}", value)
    keys = []

    def current(_arn):
        keys.append(SigningKey.generate())
        return keys[-1]

    monkeypatch.setattr(issuing, "current_signing_key", current)
    return keys


@pytest.mark.parametrize(
    ("passed", "reads"),
    [(0.0, 1), (SIGNER_MAX_AGE_S - 1, 1), (SIGNER_MAX_AGE_S, 2), (-1.0, 2)],
)
def test_the_signing_key_is_kept_for_a_while(read, passed, reads):
    now = [1_000_000.0]
    issuer = issuing.Issuer(clock=lambda: now[0])
    issuer.key()
    now[0] += passed
    assert issuer.key() is read[-1]
    assert len(read) == reads
