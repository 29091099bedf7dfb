"""A handler that imports PyJWT, to verify tokens as ours are: EdDSA, by a key of a JWK set."""

from typing import Any

import jwt
from jwt.algorithms import OKPAlgorithm


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    key = OKPAlgorithm.from_jwk(event["jwk"])
    claims: dict[str, Any] = jwt.decode(
        event["token"], key, algorithms=["EdDSA"], audience=event["audience"]
    )
    return claims
