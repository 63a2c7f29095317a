"""Retraining by itself: new data is found, the clock moved, and one pull request kept open with it."""
