"""What is built on the one primitive: logs, clocks and the project's identity."""
