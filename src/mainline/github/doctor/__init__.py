"""The repository settings that are still off, and the one command or click that turns each on.

On the standard library alone: it runs before anything is installed.
"""
