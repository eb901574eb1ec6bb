"""A test kit for authors of storage back ends, also used by this package's tests."""
