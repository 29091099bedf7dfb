"""A backup that is restored before it is kept: what runs every day on AWS."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from quant.backup.dump import create
from quant.backup.places import Place
from quant.backup.server import Access
from quant.backup.tools import Tools
from quant.backup.verify import Verification, verify_folder
from quant.observability import emf
from quant.observability.catalogue import (
    BACKUP_AGE,
    BACKUP_BYTES,
    RESTORE_SECONDS,
    SERVICE,
)

NAME: Final = "backup.drill"


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that went well.

    Attributes:
        verification: What was restored, and how long it took.
        age: Seconds from the snapshot to the moment the backup was kept: what a loss just before
            the next one is kept would cost, besides the time between drills.
    """

    verification: Verification
    age: float


def drill(access: Access, kept: Place, tools: Tools) -> Drill:
    """Dump a database, restore the dump elsewhere, compare, and only then keep it.

    Raises:
        BackupError: A step failed; nothing is kept.
        ChainBrokenError: The audit log was changed.
    """
    with kept.workspace() as folder:
        manifest = create(access, folder, tools)
        manifest.check_files(folder)
        verification = verify_folder(folder, manifest, tools)
        kept.keep(folder, manifest)
    return Drill(verification, (datetime.now(UTC) - manifest.taken_at).total_seconds())


def log_line(done: Drill) -> dict[str, Any]:
    """Return the line that tells CloudWatch of a drill, its metrics in it."""
    verification = done.verification
    return {
        SERVICE: NAME,
        "message": "the backup was restored and kept",
        "backup": verification.manifest.id,
        "content_sha256": verification.manifest.content_sha256,
        "rows": verification.manifest.rows,
        **emf.record(
            {
                RESTORE_SECONDS: verification.restore_seconds,
                BACKUP_AGE: round(done.age, 3),
                BACKUP_BYTES: verification.manifest.size,
            }
        ),
    }


def report(done: Drill, write: Callable[[str], Any]) -> None:
    """Write the line."""
    write(json.dumps(log_line(done)))
