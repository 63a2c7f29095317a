"""The staging tests: the image is tested as it will run."""
