"""The inference port: a plain port for sending requests directly to deployments.

HTTP/1.1 and gRPC share one port number, as behind the load balancer of a cluster. It is
off by default, since clients send their API key to it without encryption.
"""
