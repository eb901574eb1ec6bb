"""For authors of storage back ends, and for our own tests: a kit to test with."""
