"""What models predict."""
