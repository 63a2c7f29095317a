"""From a proposal to files: the text of each, and the writing of all of them or none."""
