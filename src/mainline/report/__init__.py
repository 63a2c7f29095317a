"""What a run found, for people: the pull request's comment, the page, and the terminal's last lines.

Everything is written from one `mainline.evaluation.results.Review`; nothing here measures or judges.
"""
