"""The only door to file systems: one contract, one module a back end."""
