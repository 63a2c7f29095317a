"""Libraries that log what nobody asked for while a graph is made."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No messages below an error: torch.onnx tells of every step, ONNX Runtime recommends one that is for images."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
