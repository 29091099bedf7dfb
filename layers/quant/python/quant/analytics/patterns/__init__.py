"""Patterns in when a politician trades: cycles, regimes, repetitions, changes of the rate.

Every claim is compared with what chance shows in series that share the counts but not the pattern;
``surrogates`` makes those. Batches of series have time on the last axis unless a function says so.
"""
