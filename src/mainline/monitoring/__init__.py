"""Monitoring a model in production: its prediction log compared with the reference in its record."""
