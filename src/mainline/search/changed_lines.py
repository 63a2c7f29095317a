"""Where two texts of `params.yaml` differ: a search may change the estimator's parameters, encodings and features only.

Uses only the standard library: the job with write permission installs nothing, and so reads the file by its lines.
"""

from __future__ import annotations

import difflib
import re

from mainline.errors import DataError

# The section of the top and the one below it. Of one that stands on a single line, the setting is not seen.
ALLOWED = {
    ("train", "params"),
    ("train", "categorical"),
    ("train", "numeric"),
    ("prepare", "features"),
}
MOST = 200  # lines; a search changes a few
KEY = re.compile(r"( *)([A-Za-z_]\w*):(?=\s|$)")
PRINTABLE = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029]*")


def check(before: str, after: str) -> None:
    """Raises DataError where `after` changes a line that a search has no business with; it names the line."""
    if not PRINTABLE.fullmatch(after):
        raise DataError("params.yaml of the search holds control characters")
    old, new = before.splitlines(), after.splitlines()
    changed = 0
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        changed += max(j - i, m - k)
        if open_at_end(old[i:j]) != open_at_end(new[k:m]):
            raise DataError(f"params.yaml of the search: what begins at line {k + 1} does not end there")
        for lines, first, last in ((old, i, j), (new, k, m)):
            for number in range(first, last):
                if section(lines, number) not in ALLOWED:
                    raise DataError(
                        f"params.yaml of the search changes line {number + 1}, which is none of "
                        f"{', '.join(sorted('.'.join(one) for one in ALLOWED))}: {lines[number].strip()[:80]!r}"
                    )
    if changed > MOST:
        raise DataError(f"params.yaml of the search changes {changed} lines, at most {MOST} are expected")


def open_at_end(lines: list[str]) -> tuple[int, ...]:
    """What some lines leave open for those below them: brackets, quotes, a text of several lines."""
    bare = [re.sub(r"(^|\s)#.*", "", line) for line in lines]
    text = "\n".join(bare)
    brackets = [text.count(one) - text.count(other) for one, other in ("{}", "[]")]
    quotes = [sum(line.count(quote) % 2 for line in bare) for quote in ('"', "'")]
    return (*brackets, *quotes, sum(bool(re.search(r"[|>][-+0-9]*\s*$", line)) for line in bare))


def section(lines: list[str], number: int) -> tuple[str, str]:
    """The section that a line stands in, and the one below it; empty where it is none."""
    top, inner, depth = "", "", 0
    for line in lines[: number + 1]:
        found = KEY.match(line)
        if not found:
            continue
        indent = len(found[1])
        if indent == 0:
            top, inner, depth = found[2], "", 0
        elif top and (not depth or indent <= depth):
            inner, depth = found[2], indent
    return top, inner
