"""Parsers of official documents: bytes in, what they say out; no database, no network."""
