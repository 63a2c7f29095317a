"""The lint's search for secrets, of the files that it has not seen: most of a lint was a second look at the same ones.

`python -m tests.secrets_hook FILE…` ends as detect-secrets does: with 1 and what it found, or with 0.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path

# In the environment: another one, with another detect-secrets in it, begins anew.
KEPT = Path(sys.prefix) / ".no-secrets"


def main(names: Sequence[str], kept: Path = KEPT) -> int:
    """Search the files of these names that are not among those in which nothing was found; add them there."""
    without = set(kept.read_text(encoding="utf-8").split()) if kept.exists() else set()
    new = {digest: name for name in names if (digest := seen(name)) not in without}
    if not new:
        return 0
    from detect_secrets.pre_commit_hook import main as search  # type: ignore[import-not-found]

    status = int(search(list(new.values())))
    if status == 0:
        with kept.open("a", encoding="utf-8") as file:  # beside another process of the hook: one write, whole lines
            file.write("".join(f"{digest}\n" for digest in new))
    return status


def seen(name: str) -> str:
    """Of all that decides what is found in a file: its name says what kind it is."""
    version = importlib.metadata.version("detect-secrets")
    return hashlib.sha256(b"\0".join((version.encode(), name.encode(), Path(name).read_bytes()))).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
