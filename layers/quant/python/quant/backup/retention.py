"""Which backups are kept: the newest of each of the last days and months that have any."""

from collections.abc import Iterable
from datetime import datetime

from quant.backup.manifest import taken_at


def expendable(ids: Iterable[str], *, keep_daily: int, keep_monthly: int) -> list[str]:
    """Return the backups that neither a day nor a month keeps, oldest first.

    Args:
        ids: Identifiers of backups.
        keep_daily: Number of days, counted from the newest that has a backup.
        keep_monthly: Number of months, likewise.

    Raises:
        ValueError: A number is negative, or nothing would be kept.
    """
    if keep_daily < 0 or keep_monthly < 0 or keep_daily + keep_monthly == 0:
        msg = "at least one day or month has to be kept"
        raise ValueError(msg)
    newest_first = sorted(ids, reverse=True)
    times = {backup_id: taken_at(backup_id) for backup_id in newest_first}
    kept: set[str] = set()
    for form, number in (("%Y%m%d", keep_daily), ("%Y%m", keep_monthly)):
        newest: dict[str, str] = {}
        for backup_id, time in times.items():
            assert isinstance(time, datetime)  # noqa: S101 - a place lists no other names
            newest.setdefault(time.strftime(form), backup_id)
        kept.update(list(newest.values())[:number])
    return sorted(set(newest_first) - kept)
