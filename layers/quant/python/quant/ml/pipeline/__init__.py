"""The steps from disclosed data to a champion's predictions; each finds what it has done.

``prepare`` (Postgres, DuckDB) -> ``fit`` for each item of the plan and ``evaluate`` for each model
(LightGBM) -> ``register`` (tracking server) -> ``publish`` (Postgres) -> ``predict`` (Postgres).
A module imports what its own step needs, for the steps run in functions of their own.
"""
