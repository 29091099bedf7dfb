"""Exports of disclosed data."""
