"""Functions of the pipeline that work on the database: parse, relay, record, measure."""
