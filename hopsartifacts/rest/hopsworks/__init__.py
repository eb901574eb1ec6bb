"""The API of a Hopsworks cluster, for both generations of its official client."""
