"""The comment on a pull request: the values that a contributor's code left are checked, written as Markdown, posted.

This runs with write permission, so it never runs a line of the pull request, and on the standard library alone:
nothing is installed, and nothing of the pull request is checked out.
"""
