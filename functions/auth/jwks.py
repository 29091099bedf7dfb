"""GET /.well-known/jwks.json: the public keys that access tokens are signed with."""

from functools import cache

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from quant import tokens
from quant.settings import TokenSettings
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.responses import CACHE_HEADERS, entity

app = RouteApp("auth.jwks")


@cache
def _key_set() -> "tokens.JwksCache":
    return tokens.JwksCache(lambda: TokenSettings().jwks_secret_arn)


class Key(BaseModel):
    """A public key (RFC 8037: Ed25519)."""

    kty: str = Field(examples=["OKP"])
    crv: str = Field(examples=["Ed25519"])
    x: str = Field(examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])
    kid: str = Field(examples=["2026-11-23T12:00:00Z-5f2b1c0d"])
    alg: str = Field(examples=["EdDSA"])
    use: str = Field(examples=["sig"])


class Jwks(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[Key]


@app.endpoint(
    summary="Get the public signing keys", model=Jwks, headers=CACHE_HEADERS, tags=["auth"]
)
async def jwks(request: Request) -> Response:
    """The key set to verify access tokens with."""
    return entity(
        request,
        dump_json({"keys": _key_set().documents()}),
        cache_control="public, max-age=300",
    )


handler = app.handler
