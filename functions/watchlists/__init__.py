"""Watchlists of the caller's account, and what is delivered for them."""
