"""Request and response bodies of the auth routes."""

import uuid
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints

from quant.accounts.lengths import MAX_EMAIL, MAX_PASSWORD, MIN_PASSWORD
from quant_http.models import BodyModel


def _encodable(value: SecretStr) -> SecretStr:
    # JSON can spell half a surrogate pair, which no encoding of text has.
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError:
        msg = "not valid Unicode text"
        raise ValueError(msg) from None
    return value


Email = Annotated[
    str,
    StringConstraints(min_length=3, max_length=MAX_EMAIL),
    Field(
        description="Case does not matter; the part before the @ is ASCII.",
        examples=["ada@example.org"],
    ),
]
# No control characters, line separators or changes of direction: names end up in terminals.
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$"
# A password that is presented: one of any length may have been chosen under other rules.
Password = Annotated[
    SecretStr,
    Field(min_length=1, max_length=MAX_PASSWORD, examples=["quartz lamp 17 under the stairs"]),
    AfterValidator(_encodable),
]
NewPassword = Annotated[
    SecretStr,
    Field(
        min_length=MIN_PASSWORD,
        max_length=MAX_PASSWORD,
        description="Any characters; refused if common or easy to guess.",
        examples=["quartz lamp 17 under the stairs"],
    ),
    AfterValidator(_encodable),
]
# The longest token of ours has 47 characters.
OpaqueToken = Annotated[SecretStr, Field(min_length=1, max_length=128), AfterValidator(_encodable)]


class Registration(BodyModel):
    """Who wants an account."""

    email: Email
    password: NewPassword


class Accepted(BaseModel):
    """What happens next; the same for every address."""

    detail: str = Field(examples=["if the address is yours, a mail tells you how to go on"])


class EmailToken(BodyModel):
    """A token that was mailed."""

    token: OpaqueToken = Field(examples=["qev_6dC1Yk0Xn0y3yqzv0w5s5cFZb1m0r7c4kq0tq2M1a3Q"])


class EmailAddress(BodyModel):
    """Whose password was forgotten."""

    email: Email


class PasswordReset(BodyModel):
    """A token that was mailed, and the password its account gets."""

    token: OpaqueToken = Field(examples=["qpr_6dC1Yk0Xn0y3yqzv0w5s5cFZb1m0r7c4kq0tq2M1a3Q"])
    new_password: NewPassword


class Credentials(BodyModel):
    """Who logs in."""

    email: Email
    password: Password


class RefreshTokenBody(BodyModel):
    """The refresh token a session had last."""

    refresh_token: OpaqueToken = Field(examples=["qrt_Zk1b7Qe0mX9c4Vt2s8yLw5uJh3gRfDnPa6oIiKxTzEM"])


class TokenPair(BaseModel):
    """Tokens of a session (in the form of RFC 6749, section 5.1)."""

    access_token: str = Field(
        description="Send it as `Authorization: Bearer <token>`.",
        examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI1YjBjIn0.c2ln"],
    )
    token_type: Literal["Bearer"] = Field(examples=["Bearer"])
    expires_in: int = Field(description="Seconds the access token lives.", examples=[1800])
    refresh_token: str = Field(
        description="Gets the next pair, once. Using it twice ends the session.",
        examples=["qrt_Zk1b7Qe0mX9c4Vt2s8yLw5uJh3gRfDnPa6oIiKxTzEM"],
    )
    refresh_expires_in: int = Field(
        description="Seconds the refresh token lives.", examples=[604_800]
    )
    scope: str = Field(
        description="What the access token may be used for, separated by spaces.",
        examples=["read account"],
    )
    session_id: uuid.UUID = Field(examples=["d4b1a7c2-6f0e-4f7c-9a55-3f1a5a2b8e90"])


class PasswordChange(BodyModel):
    """The old and the new password."""

    old_password: Password
    new_password: NewPassword


class Session(BaseModel):
    """A live login session."""

    id: uuid.UUID = Field(examples=["d4b1a7c2-6f0e-4f7c-9a55-3f1a5a2b8e90"])
    created_at: datetime = Field(examples=["2026-11-01T09:32:00Z"])
    last_used_at: datetime = Field(
        description="When it was opened or last refreshed.", examples=["2026-11-02T08:00:00Z"]
    )
    expires_at: datetime = Field(
        description="When it ends however often it is refreshed.", examples=["2026-12-01T09:32:00Z"]
    )
    network: str | None = Field(
        description="Anonymised network of its last use.", examples=["203.0.113.0/24"]
    )
    user_agent_hash: str | None = Field(
        description="Tells user agents apart.", examples=["9f86d081884c7d65"]
    )
    current: bool = Field(description="Whether it is the caller's own.", examples=[True])


class SessionList(BaseModel):
    """Live sessions, the most recently used first; at most 100."""

    data: list[Session]


class NewApiToken(BodyModel):
    """An API token to make."""

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_PRINTABLE),
        Field(description="What it is for.", examples=["nightly report"]),
    ]
    scopes: Annotated[
        list[Literal["read"]],
        Field(
            min_length=1, max_length=1, description="What it may be used for.", examples=[["read"]]
        ),
    ] = Field(default=["read"])
    expires_in_days: Annotated[
        int,
        Field(ge=1, le=365, strict=True, description="Days until it expires.", examples=[90]),
    ] = 90


class ApiToken(BaseModel):
    """A live API token, without the token itself."""

    id: uuid.UUID = Field(examples=["0e2f7a52-8d0b-4a5d-b0b4-7c1d9a5c3e21"])
    name: str = Field(examples=["nightly report"])
    scopes: list[Literal["read"]] = Field(examples=[["read"]])
    created_at: datetime = Field(examples=["2026-11-01T09:40:00Z"])
    expires_at: datetime = Field(examples=["2027-01-30T09:40:00Z"])
    last_used_at: datetime | None = Field(
        description="Within a minute of its last use; null if never used.",
        examples=["2026-11-02T03:00:00Z"],
    )


class CreatedApiToken(ApiToken):
    """A new API token."""

    token: str = Field(
        description="Shown this once. Send it as `Authorization: Bearer <token>`.",
        examples=["qat_3yJ8mQw1ZrT6bXk0VnLc5sHd9fGpA2eUiOoYtRzWxM4"],
    )


class ApiTokenList(BaseModel):
    """Live API tokens, the newest first."""

    data: list[ApiToken]
