"""The project's own JSON API, under ``/api/v1``."""
