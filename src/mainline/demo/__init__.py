"""`make demo`: a year played in minutes, with the command line's own verbs in a scratch clone."""
