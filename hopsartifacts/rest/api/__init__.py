"""The project's own JSON API: resources under ``/api/v1``."""
