"""Watching a model in production: what its log says against the reference that was kept with it."""
