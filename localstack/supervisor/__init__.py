"""The local cloud: PostgreSQL, Valkey and LocalStack as child processes of one daemon."""
