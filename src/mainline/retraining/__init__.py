"""Automatic retraining: find new data, move the data cutoff, and keep one pull request open with it."""
