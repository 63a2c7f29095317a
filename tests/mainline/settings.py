"""Settings of the shop, for tests that need no project on disk."""

from __future__ import annotations

from mainline.config.loader import Params, parse
from tests.projects import PARAMS


def params(*changes: tuple[str, str]) -> Params:
    """The shop's `params.yaml` with pieces of its text replaced."""
    text = PARAMS
    for before, after in changes:
        assert before in text, f"the shop's params.yaml has no {before!r}"
        text = text.replace(before, after)
    return parse(text)
