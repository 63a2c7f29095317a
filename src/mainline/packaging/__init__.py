"""The image of a model: built from its export, and tested as it will run."""
