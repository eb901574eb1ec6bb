"""Access to file systems: one contract, and one module per back end."""
