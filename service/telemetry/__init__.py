"""What is told of each request: metrics, log lines, traces."""
