"""The promotion of a model to production, and the way back."""
