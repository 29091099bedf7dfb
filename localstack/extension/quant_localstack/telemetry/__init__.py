"""What AWS makes of functions' output and of requests: traces and metrics."""
