"""How we recognise our comment: CML's watermark at its end, and our own marker at its beginning."""

from __future__ import annotations

import re
from dataclasses import dataclass

AUTHOR = "github-actions[bot]"  # a comment by anyone else is not ours, whatever its watermark
MARKER = re.compile(r"<!-- mainline run=(\d{1,19}) attempt=(\d{1,9}) head=([0-9a-f]{40}(?:[0-9a-f]{24})?) -->\n")


@dataclass(frozen=True)
class Marker:
    """Which run a comment shows."""

    run: int
    attempt: int
    head: str

    def __str__(self) -> str:
        return f"<!-- mainline run={self.run} attempt={self.attempt} head={self.head} -->"

    @classmethod
    def of(cls, body: str) -> Marker | None:
        found = MARKER.match(body.replace("\r\n", "\n"))
        return cls(int(found[1]), int(found[2]), found[3]) if found else None


def title(workflow: str) -> str:
    """CML's title for the comment of one workflow; another workflow has another title and comment.

    Only letters, digits, dots and dashes: GitHub or CML would change other characters.
    """
    return f"mainline {re.sub(r'[^A-Za-z0-9.-]+', '-', workflow).strip('-') or 'workflow'}"


def watermark(of: str, sha: str) -> str:
    """What `cml comment create` of CML 0.20 puts at the end of a body."""
    return f'![](https://cml.dev/watermark.png#{sha} "CML watermark {of}")'


def is_marked(body: str, of: str) -> bool:
    """Whether CML would update this comment: it compares the title, not the commit."""
    return (
        re.search(rf'!\[\]\(https://cml\.dev/watermark\.png#[0-9a-fA-F]+ "CML watermark {re.escape(of)}"\)', body)
        is not None
    )
