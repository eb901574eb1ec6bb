"""The inference log, from the records of a worker to a data set or Kafka messages."""
