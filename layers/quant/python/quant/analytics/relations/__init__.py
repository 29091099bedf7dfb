"""Relations between members: co-trading, correlation, lead and lag, committees and sectors."""
