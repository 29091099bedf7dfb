"""Exports: files of disclosed data, made for a request or by a job (docs/export.md)."""
