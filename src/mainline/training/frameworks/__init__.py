"""What differs between the frameworks that a model is trained with: threads, native categories, early stopping."""
