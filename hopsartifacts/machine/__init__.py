"""This machine alone: paths, atomic writes, state, threads and the user; no store."""
