"""Sealed deployments as objects of KServe, and back.

Everything here is pure: functions from sealed versions and settings to plain objects,
and the reverse. Nothing needs a cluster or its client.
"""
