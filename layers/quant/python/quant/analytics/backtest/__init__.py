"""Backtests of rules that copy disclosed trades, with what their results are worth.

The accounting, the same in every module here; day t is a row of the price panel:

- A disclosed trade opens a position at the close of the lag-th trading day after its disclosure
  day, and closes it at a later close. A trade without a close on its entry day opens nothing.
- The weight of a ticker after the close of day t is the sum of its open positions' amounts over
  that of all open positions: an overlapping calendar-time portfolio (Jegadeesh and Titman 1993,
  Journal of Finance 48; Fama 1998, Journal of Financial Economics 49), rebalanced each day.
- The return of day t comes from the weights after the close of day t - 1. What is not invested
  earns the risk-free rate, or nothing where it is not known.
- Trading is the sum over tickers of the distance from the drifted weight to the new one; costs are
  a share of it and leave the equity at that close.
- Where a ticker has no close its last one stays; nobody knows on that day whether another comes.
"""
