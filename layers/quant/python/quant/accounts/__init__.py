"""Accounts: registration, passwords, login sessions and tokens."""
