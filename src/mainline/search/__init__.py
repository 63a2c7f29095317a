"""The search for better parameters: on inner folds of the training rows, so that the holdout is asked once."""
