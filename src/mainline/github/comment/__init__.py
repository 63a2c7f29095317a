"""The report's way into the pull request: what a contributor's code left is checked, made harmless, and posted.

Runs with write permission, so it never runs a line of the pull request, and on the standard library alone: nothing
is installed, nothing of the pull request is checked out.
"""
