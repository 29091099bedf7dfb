"""Unusual trades: scores, empirical p-values against a stated null, and their combination.

Each detector states what it takes as usual. A small p-value says that a trade or a member differs
from that, never why: it is a fact about numbers, not a finding about a person.
"""
