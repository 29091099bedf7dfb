"""Administration of accounts and the audit log."""
