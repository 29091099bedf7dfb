"""The function that brings the database up to the deployed code."""
