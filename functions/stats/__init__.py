"""Statistics of disclosed trades."""
