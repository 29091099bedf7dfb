"""Features as they were known at a date: declared once, computed by DuckDB, kept as Parquet."""
