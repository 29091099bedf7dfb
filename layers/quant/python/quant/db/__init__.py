"""Postgres: typed models, migrations and sessions."""
