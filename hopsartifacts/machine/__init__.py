"""This machine alone: paths, atomic writes, state, threads, who writes; no store."""
