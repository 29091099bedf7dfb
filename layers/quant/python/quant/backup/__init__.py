"""Logical backups of the database: dumps that are known to restore (docs/recovery.md)."""
