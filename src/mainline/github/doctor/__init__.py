"""What is still off in a repository's settings, and the one command or click that turns it on.

On the standard library alone: it runs before anything is installed.
"""
