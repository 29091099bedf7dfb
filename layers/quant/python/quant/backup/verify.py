"""Show that a backup can be restored, by restoring it into a scratch server."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quant.backup.load import compare, hand_over, load, require_server, verify_audit
from quant.backup.manifest import Manifest
from quant.backup.places import Place
from quant.backup.scratch import ensure_roles, scratch_server
from quant.backup.tools import Tools

_RESTORED: Final = "restored"


@dataclass(frozen=True, slots=True)
class Verification:
    """A backup that was restored and found whole.

    Attributes:
        manifest: The backup.
        restore_seconds: What loading it took, without the start of the server and the comparison.
        audit_entries: Entries of the audit log verified.
    """

    manifest: Manifest
    restore_seconds: float
    audit_entries: int


def verify(kept: Place, backup_id: str, tools: Tools) -> Verification:
    """Check a backup's files, restore it and compare every row and definition.

    Raises:
        BackupError: It is damaged, or what was restored differs.
        ChainBrokenError: Its audit log was changed before it was made.
    """
    with kept.fetch(backup_id) as folder:
        return verify_folder(folder, kept.manifest(backup_id), tools)


def verify_folder(folder: Path, manifest: Manifest, tools: Tools) -> Verification:
    """Restore a backup whose files are checked, and compare."""
    with scratch_server(tools) as server:
        with server.session() as session:
            require_server(session, manifest)
            ensure_roles(session, manifest.database.roles)
        started = time.monotonic()
        load(server, _RESTORED, manifest, folder, tools)
        seconds = time.monotonic() - started
        with server.session() as session:
            hand_over(session, _RESTORED, manifest)
        restored = server.to(_RESTORED)
        compare(restored, manifest)
        audited = verify_audit(restored, manifest)
    return Verification(manifest, round(seconds, 3), audited.entries if audited else 0)
