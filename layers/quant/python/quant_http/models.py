"""Models that several resources' answers share."""

import re
import uuid
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from quant.paging import DEFAULT_LIMIT, MAX_LIMIT
from quant.tiers import TIERS
from quant.vocabulary import Chamber, Party, Role

# A bioguide id or a UUID.
POLITICIAN_ID_PATTERN: Final = (
    r"^([A-Za-z][0-9]{6}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
)

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Rows on a page.", examples=[50])]
Cursor = Annotated[
    str,
    StringConstraints(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9_-]+$"),
]


_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _only_iso(value: Any) -> Any:
    # Pydantic would also take timestamps, which the documented format does not allow.
    if isinstance(value, str) and not _ISO_DATE.fullmatch(value):
        msg = "must be a date such as 2020-01-31"
        raise ValueError(msg)
    return value


def _only_true_or_false(value: Any) -> Any:
    # Pydantic would also take 1, yes, on and their kin, which JSON does not know as booleans.
    if isinstance(value, str) and value not in {"true", "false"}:
        msg = "must be true or false"
        raise ValueError(msg)
    return value


IsoDate = Annotated[date, BeforeValidator(_only_iso)]
Flag = Annotated[bool, BeforeValidator(_only_true_or_false)]


class QueryModel(BaseModel):
    """Query parameters; an unknown one is an error rather than a filter silently not applied."""

    model_config = ConfigDict(extra="forbid")


class BodyModel(BaseModel):
    """Request body; an unknown member is an error, so that nothing can be set in passing."""

    model_config = ConfigDict(extra="forbid")


TierName = Annotated[
    str,
    Field(
        description="A tier of the tier table.",
        json_schema_extra={"enum": list(TIERS)},
        examples=["basic"],
    ),
]


class Account(BaseModel):
    """An account."""

    id: uuid.UUID = Field(examples=["5b0c6f1e-58f2-4c0e-8f64-0c9e0a3a2c11"])
    email: str = Field(description="Normalised.", examples=["ada@example.org"])
    tier: TierName
    role: Role = Field(examples=["user"])
    created_at: datetime = Field(examples=["2026-11-01T09:30:00Z"])
    email_verified_at: datetime | None = Field(
        description="Null until the address is verified.", examples=["2026-11-01T09:31:00Z"]
    )
    password_changed_at: datetime = Field(examples=["2026-11-01T09:30:00Z"])


class PageQuery(QueryModel):
    """Query parameters of a list."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Annotated[
        Cursor | None, Field(description="`page.next_cursor` of the page before; opaque.")
    ] = None


class PageInfo(BaseModel):
    """Where a page stands in its list."""

    count: int = Field(description="Rows on this page.", examples=[50])
    next_cursor: str | None = Field(
        description="Cursor of the next page; null on the last one.",
        examples=["WyI2YjQ1ZDAiLCIyMDIwLTExLTI0IiwiYzBmZmVlIl0"],
    )


class PoliticianReference(BaseModel):
    """The politician behind a trade."""

    id: uuid.UUID = Field(examples=["0b7f3b8e-6a5c-5c0e-9d3c-2f6a6c1f7a10"])
    bioguide_id: str | None = Field(
        description="Biographical Directory id; null for a filer not matched to a member.",
        examples=["W000779"],
    )
    full_name: str = Field(examples=["Ron Wyden"])
    chamber: Chamber = Field(examples=["senate"])
    party: Party | None = Field(examples=["democrat"])
    state: str | None = Field(description="Postal code.", examples=["OR"])
    synthetic: bool = Field(
        description="True for made-up demonstration data, never for a real person.",
        examples=[False],
    )


DataVersionField = Annotated[
    int,
    Field(description="Version of the disclosed data; every change counts it up.", examples=[7]),
]


class Estimate(BaseModel):
    """A number with its uncertainty."""

    value: float | None = Field(
        description="Point estimate; null where the data do not allow one.", examples=[0.0042]
    )
    standard_error: float | None = Field(
        description="Of the same unit; null where the method has none.", examples=[0.0061]
    )
    low: float | None = Field(
        description="Lower end of the 95 % confidence interval.", examples=[-0.0078]
    )
    high: float | None = Field(description="Upper end of it.", examples=[0.0162])
    p_value: float | None = Field(
        description="Of the method's null hypothesis; null without a test.", examples=[0.49]
    )
    q_value: float | None = Field(
        description="Corrected for all that were tested (Benjamini-Hochberg); null without.",
        examples=[0.81],
    )
    n: int = Field(description="Observations it rests on.", examples=[412])


class MethodReference(BaseModel):
    """The method behind the numbers; `GET /api/v1/methods` says more of it."""

    id: str = Field(examples=["performance.car"])
    version: str = Field(description="Changes with whatever changes the numbers.", examples=["1"])
    title: str = Field(examples=["Cumulative abnormal return"])
    estimator: str = Field(examples=["Mean of the sums of daily abnormal returns."])
    standard_errors: str | None = Field(
        description="How the uncertainty is measured.",
        examples=["Clustered by politician and date."],
    )
    null: str | None = Field(
        description="What a p-value is about.", examples=["The mean abnormal return is zero."]
    )
    multiple_testing: str | None = Field(
        description="What a q-value is corrected for.",
        examples=["Benjamini-Hochberg over politicians."],
    )


class SampleInfo(BaseModel):
    """The trades that an answer rests on."""

    trades: int = Field(description="Trades asked about.", examples=[512])
    used: int = Field(description="Those the numbers rest on.", examples=[412])
    excluded: dict[str, int] = Field(
        description="The others by reason.", examples=[{"no_price": 80, "no_disclosure_date": 20}]
    )
    politicians: int = Field(examples=[1])
    first_transaction: date | None = Field(examples=["2020-01-06"])
    last_transaction: date | None = Field(examples=["2022-12-19"])
    synthetic: bool = Field(
        description="Whether made-up demonstration data are among them.", examples=[False]
    )
