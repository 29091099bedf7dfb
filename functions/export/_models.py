"""Parameters, bodies and answers of the export routes."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Header, Path
from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StringConstraints

from quant.exports.requests import Batch
from quant.vocabulary import (
    AssetType,
    Chamber,
    ExportFormat,
    ExportKind,
    ExportState,
    Operation,
    Owner,
    Party,
)
from quant_http.models import (
    POLITICIAN_ID_PATTERN,
    BodyModel,
    DataVersionField,
    IsoDate,
    PageInfo,
    QueryModel,
)

_EXAMPLE_ID: Final = "3f0e2c0a-0a52-5f0e-9d5b-1b2a6c1f7a10"
_EXAMPLE_SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_EXAMPLE_URL: Final = "https://exports.example.org/exports/trades-W000779-v7.csv?X-Amz-Expires=900"

PoliticianId = Annotated[
    str,
    Path(
        description="Identifier (UUID) or bioguide id.",
        pattern=POLITICIAN_ID_PATTERN,
        examples=["W000779"],
    ),
]
JobId = Annotated[uuid.UUID, Path(description="One of the caller's own.", examples=[_EXAMPLE_ID])]
Prefer = Annotated[
    str | None,
    Header(
        description="`respond-async` asks for a job instead of the file (RFC 7240).",
        examples=["respond-async"],
    ),
]
_Format = Annotated[
    ExportFormat, Field(description="What the file is written in.", examples=["csv"])
]
# Whole dollars: the bounds of the forms' categories are.
_Amount = Annotated[int, Field(strict=True, ge=0, le=10**13)]
_Ticker = Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z0-9.^-]{1,24}$")]
_State = Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{2}$")]


def _only_text(value: Any) -> Any:
    # Of a number Pydantic would make the day that many seconds after 1970.
    if not isinstance(value, str):
        msg = "must be a date such as 2020-01-31"
        raise ValueError(msg)
    return value


_Date = Annotated[IsoDate, BeforeValidator(_only_text)]


class TradesExportQuery(QueryModel):
    """Parameters of the export of a politician's trades."""

    format: _Format = ExportFormat.CSV


class AnalysisExportQuery(QueryModel):
    """Parameters of the export of what the analytics say of a politician."""

    format: _Format = ExportFormat.JSON


class BatchFilters(BodyModel):
    """Which rows; null does not filter. Those from `ticker` on are of trades alone."""

    chamber: Annotated[Chamber | None, Field(examples=["senate"])] = None
    party: Annotated[Party | None, Field(examples=["democrat"])] = None
    state: Annotated[_State | None, Field(description="Postal code.", examples=["OR"])] = None
    in_office: Annotated[StrictBool | None, Field(examples=[True])] = None
    ticker: Annotated[_Ticker | None, Field(description="Symbol.", examples=["MSFT"])] = None
    operation: Annotated[Operation | None, Field(examples=["purchase"])] = None
    owner: Annotated[Owner | None, Field(examples=["self"])] = None
    asset_type: Annotated[AssetType | None, Field(examples=["stock"])] = None
    amount_min: Annotated[
        _Amount | None,
        Field(description="Least lower end of the disclosed range, US dollars.", examples=[15001]),
    ] = None
    amount_max: Annotated[
        _Amount | None,
        Field(description="Greatest upper end of the range, US dollars.", examples=[100000]),
    ] = None
    transaction_from: Annotated[
        _Date | None, Field(description="First transaction date.", examples=["2020-01-01"])
    ] = None
    transaction_to: Annotated[
        _Date | None, Field(description="Last transaction date.", examples=["2020-12-31"])
    ] = None
    disclosure_from: Annotated[
        _Date | None, Field(description="First disclosure date.", examples=["2020-01-01"])
    ] = None
    disclosure_to: Annotated[
        _Date | None, Field(description="Last disclosure date.", examples=["2020-12-31"])
    ] = None


class NewBatchExport(BodyModel):
    """An export of all politicians, in one file."""

    format: _Format = ExportFormat.PARQUET
    what: Annotated[Batch, Field(description="Rows of what.", examples=["trades"])] = Batch.TRADES
    filters: Annotated[BatchFilters, Field(examples=[{"chamber": "senate"}])] = BatchFilters()


class NewDataset(BodyModel):
    """A version of the research dataset to be made."""

    format: _Format = ExportFormat.PARQUET


class DatasetsQuery(QueryModel):
    """Parameters of the list of versions of the research dataset."""

    version: Annotated[
        str | None,
        Field(
            description="This version alone.",
            pattern=r"^v[0-9]{1,19}-s[0-9]{1,4}$",
            examples=["v7-s1"],
        ),
    ] = None
    format: Annotated[
        ExportFormat | None, Field(description="In this format alone.", examples=["parquet"])
    ] = None


class ExportedFile(BaseModel):
    """A file to be downloaded."""

    name: str = Field(examples=["trades-W000779-v7.csv"])
    bytes: int = Field(examples=[48213])
    sha256: str = Field(examples=[_EXAMPLE_SHA256])
    rows: int | None = Field(
        description="Rows in it; null where it has none of a table.", examples=[112]
    )
    url: str = Field(
        description="Downloads the file without a token, for 15 minutes; ask again for another.",
        examples=[_EXAMPLE_URL],
    )


class ExportJobStatus(BaseModel):
    """An export and how far it is."""

    id: uuid.UUID = Field(examples=[_EXAMPLE_ID])
    kind: ExportKind = Field(examples=["trades"])
    parameters: dict[str, Any] = Field(
        description="What was asked for.", examples=[{"politician_id": "W000779", "format": "csv"}]
    )
    state: ExportState = Field(
        description="`failed` and `expired` begin anew when they are asked for again.",
        examples=["succeeded"],
    )
    progress: float = Field(ge=0, le=1, examples=[1])
    rows: int | None = Field(description="Rows so far.", examples=[112])
    bytes: int | None = Field(description="Size of all files.", examples=[48213])
    sha256: str | None = Field(
        description="Of the file; of `SHA256SUMS` where there are several.",
        examples=[_EXAMPLE_SHA256],
    )
    data_version: int | None = Field(
        description="Version of the disclosed data that was read; it may be later than when the "
        "export was asked for.",
        examples=[7],
    )
    files: list[ExportedFile] = Field(description="Empty until it has succeeded.")
    created_at: datetime = Field(examples=["2026-11-25T09:30:00Z"])
    started_at: datetime | None = Field(examples=["2026-11-25T09:30:02Z"])
    finished_at: datetime | None = Field(examples=["2026-11-25T09:30:05Z"])
    expires_at: datetime | None = Field(
        description="When the files are deleted; null where they are kept, and until there are "
        "any.",
        examples=["2026-12-02T09:30:05Z"],
    )
    detail: str | None = Field(
        description="Why the last attempt failed.", examples=["s3 is unavailable"]
    )


class ExportJobPage(BaseModel):
    """One page of the caller's exports, the newest first; forgotten after 90 days."""

    data: list[ExportJobStatus]
    page: PageInfo


class DatasetVersion(BaseModel):
    """A version of the research dataset in one format; it never changes."""

    version: str = Field(
        description="Of the data and of the schema: both decide every byte.", examples=["v7-s1"]
    )
    format: ExportFormat = Field(examples=["parquet"])
    schema_version: int = Field(examples=[1])
    data_version: DataVersionField
    sha256: str = Field(
        description="Of `SHA256SUMS`, hence of every file but the manifest.",
        examples=[_EXAMPLE_SHA256],
    )
    rows: dict[str, int] = Field(
        description="Rows by table.", examples=[{"trades": 41200, "politicians": 620}]
    )
    dictionary_url: str = Field(
        description="The data dictionary: each column's type, unit, meaning and source. For 15 "
        "minutes.",
        examples=[_EXAMPLE_URL],
    )
    files: list[ExportedFile]
    code_version: str = Field(
        description="Release of the platform that made it.", examples=["0.1.0"]
    )
    created_at: datetime = Field(examples=["2026-11-25T09:30:05Z"])


class DatasetList(BaseModel):
    """The versions of the research dataset, the latest first."""

    data: list[DatasetVersion]
