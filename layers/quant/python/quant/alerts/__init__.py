"""Watchlists and what is delivered for them: signed webhooks and e-mail digests."""
