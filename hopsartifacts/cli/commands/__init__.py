"""The commands, one module a noun; each module has a ``command``."""
