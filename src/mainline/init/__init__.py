"""`make init`: from a table that was never seen to a project with its first verdict."""
