"""Bulk import: disclosures, members of Congress and prices from files into the database."""
