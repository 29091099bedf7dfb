"""Constructs the stacks are built from."""
