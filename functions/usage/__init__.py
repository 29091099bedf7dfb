"""Where a client stands."""
