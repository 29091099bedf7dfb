"""Domain of the Quant Analytics Platform: disclosures, members, accounts and analytics."""

__version__ = "0.1.0"
