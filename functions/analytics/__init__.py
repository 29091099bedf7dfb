"""Performance, backtests, relations, anomalies and their combination."""
