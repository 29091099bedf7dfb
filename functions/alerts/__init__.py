"""Alerts of disclosed trades: match, deliver, mail."""
