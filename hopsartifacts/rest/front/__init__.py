"""The inference port: one plain port where clients ask deployments directly.

HTTP/1.1 and gRPC on one number, as behind the load balancer of a cluster. Off unless
asked for, since clients send their key to it in clear.
"""
