"""Patterns in when politicians trade."""
