"""Functions that collect official sources; they reach the internet and have no database."""
