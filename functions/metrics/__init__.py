"""Metrics for administrators."""
