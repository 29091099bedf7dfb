"""Forecasts of weekly trade counts: components, their pool, and their record out of sample.

Every forecast has an origin t and uses the weeks before t alone. What it forecasts is the sum of
the counts of the next h weeks, as a negative binomial distribution by mean and variance.
"""
