"""Members of Congress and other filers."""
