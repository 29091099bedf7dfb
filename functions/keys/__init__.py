"""Functions that keep the signing keys."""
