"""The latest prediction of each ticker."""
