"""The guard: detection and repair of edited managed files, and garbage collection."""
