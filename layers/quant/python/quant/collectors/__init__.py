"""Collectors: fetch official sources politely and keep their raw bytes; no database."""
