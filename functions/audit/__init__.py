"""Functions of the audit log that no route calls."""
