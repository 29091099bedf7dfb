"""The Lambda authorizer in front of every token route."""
