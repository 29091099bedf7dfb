"""What becomes of errors in the log."""
