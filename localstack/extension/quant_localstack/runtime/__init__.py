"""Lambda execution environments as plain processes."""
