"""Disclosed trades."""
