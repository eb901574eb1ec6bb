"""The guard: edits of managed files are found and undone."""
