"""The pull request of a search's winner. On the standard library alone."""
