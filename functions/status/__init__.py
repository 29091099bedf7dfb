"""Freshness of the data."""
