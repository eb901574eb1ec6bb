"""Building blocks on top of create-if-absent: logs, locks, caches and transfers."""
