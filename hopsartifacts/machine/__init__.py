"""This machine alone: paths, atomic writes, the state folder; no store."""
