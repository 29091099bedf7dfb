"""What can go wrong with a backup; each message says what is wrong with what."""

from quant.errors import QuantError


class BackupError(QuantError):
    """A backup could not be made, read or restored."""


class ToolError(BackupError):
    """PostgreSQL's own programs are missing, too old, or failed."""


class DamagedBackupError(BackupError):
    """A backup is not what was stored: a file is missing, cut off or changed."""


class IncompatibleBackupError(BackupError):
    """A backup cannot be restored by this code, or on this server."""


class RestoreRefusedError(BackupError):
    """Nothing was restored, because something would be lost or could not be told apart."""


class ContentMismatchError(BackupError):
    """What was restored is not what was dumped.

    Attributes:
        differences: One line for each.
    """

    def __init__(self, differences: list[str]) -> None:
        super().__init__("the restored database differs: " + "; ".join(differences))
        self.differences = differences
