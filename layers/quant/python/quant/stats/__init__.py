"""Statistics of disclosed trades: counts, ranges summed, rankings, the 45-day rule.

SQL and the standard library; ``quant.methods.stats`` says how each number is made.
"""
