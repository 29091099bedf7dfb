"""Quality of what was read."""
