"""Demo access tokens of the local environment, whose account and session nobody knows."""

import uuid

from quant.keys import ReadSecret, current_signing_key
from quant.secrets import read_secret
from quant.settings import SigningSettings
from quant.tokens import mint


def demo_token(
    settings: SigningSettings,
    tier: str,
    *,
    subject: str | None = None,
    lifetime_s: int | None = None,
    read: ReadSecret = read_secret,
) -> str:
    """Return an access token that reads the data.

    Args:
        settings: Issuer, audience and key.
        tier: Name of a tier in the tier table.
        subject: Account it speaks for; a new one by default.
        lifetime_s: Seconds until it expires; those of the settings by default.
        read: Reads a secret.

    Raises:
        NoSigningKeyError: No signing key has been made.
    """
    return mint(
        current_signing_key(settings.signing_key_secret_arn, read),
        issuer=settings.issuer,
        audience=settings.audience,
        subject=subject or str(uuid.uuid4()),
        tier=tier,
        scopes=["read"],
        session_id=str(uuid.uuid4()),
        lifetime_s=lifetime_s or settings.lifetime_s,
    )
