"""Libraries that log what nobody asked for while a graph is made."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(most: int = logging.WARNING) -> Iterator[None]:
    """No messages below an error: torch.onnx tells of every step, ONNX Runtime recommends one that is for images.

    With `most` as ERROR none of an error either: tf2onnx logs a traceback, and raises what the caller then reports.
    """
    level = logging.root.manager.disable
    logging.disable(most)
    try:
        yield
    finally:
        logging.disable(level)
