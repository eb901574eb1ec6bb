"""The keeper of a running deployment: starts, watches and replaces its workers."""
