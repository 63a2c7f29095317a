"""The shop's settings with a search, for tests that need no project on disk."""

from __future__ import annotations

from mainline.config.loader import Params, parse
from tests.projects import PARAMS

SEARCH = """\
search:
  params:
    max_iter: {low: 5, high: 60}
    learning_rate: {low: 0.01, high: 0.5, log: true}
    max_leaf_nodes: [7, 31]
  categorical: [ordinal, onehot]
  without: [shop, "p*"]
  folds: 3
"""


def text(search: str = SEARCH, *changes: tuple[str, str]) -> str:
    found = PARAMS + search
    for before, after in changes:
        assert before in found, f"there is no {before!r}"
        found = found.replace(before, after)
    return found


def params(search: str = SEARCH, *changes: tuple[str, str]) -> Params:
    return parse(text(search, *changes))
