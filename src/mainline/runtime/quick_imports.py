"""SciPy without the notes that it writes into the docstrings of its functions as it is imported.

Each of some five hundred functions gets one about array libraries, for which its docstring is taken apart and put
together again: a tenth of what importing scikit-learn takes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class AsItIs(dict[str, list[str]]):
    """Stands for a docstring that is taken apart: what is added to it is dropped."""

    def __init__(self, function: Any) -> None:
        super().__init__(Notes=[])
        self.text = function.__doc__ or ""

    def __str__(self) -> str:
        return f"\n{self.text}"  # the first line is the signature


@contextmanager
def plain_docstrings() -> Iterator[None]:
    """What is imported in the block keeps its docstrings; without effect on a SciPy that has no such notes."""
    if "scipy.stats" in sys.modules:
        yield
        return
    try:
        from scipy._lib import _array_api
    except ImportError:
        yield
        return
    own = getattr(_array_api, "FunctionDoc", None)
    if own is not None:
        _array_api.FunctionDoc = AsItIs
    try:
        yield
    finally:
        if own is not None:
            _array_api.FunctionDoc = own
