"""What exports are asked for, and in which formats."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from quant.identity import stable_id
from quant.vocabulary import ExportFormat, ExportKind

MEDIA_TYPES: Final[Mapping[ExportFormat, str]] = {
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ExportFormat.JSON: "application/json",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}


class Batch(StrEnum):
    """What an export of all politicians is of."""

    TRADES = "trades"
    POLITICIANS = "politicians"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export.

    Attributes:
        kind: What it is of.
        parameters: Of the kind; JSON values.
    """

    kind: ExportKind
    parameters: dict[str, Any]

    def job_id(self, account_id: uuid.UUID, version: int) -> uuid.UUID:
        """Return the identifier of the job that an account's asking for this is.

        Args:
            account_id: Who asks.
            version: Present version of the data.
        """
        parameters = json.dumps(self.parameters, sort_keys=True)
        return stable_id("export_job", account_id, self.kind.value, parameters, version)
