"""Tickers that members trade."""
