"""The retraining pull request: opened, kept up to date, closed. On the standard library alone."""
