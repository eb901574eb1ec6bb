"""The inference log: from what a worker notes down to a data set, or Kafka messages."""
