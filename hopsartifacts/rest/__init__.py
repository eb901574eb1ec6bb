"""The server: one project over HTTPS, for the official Hopsworks client and others."""
