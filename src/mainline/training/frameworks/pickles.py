"""Equal models are equal bytes, whatever framework they are of."""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
from collections.abc import Iterator
from typing import Any


def dumps(model: Any) -> bytes:
    """The pickle of a fitted pipeline."""
    with without_addresses():
        return pickle.dumps(model, protocol=5)


@contextlib.contextmanager
def without_addresses() -> Iterator[None]:
    """torch pickles a tensor in its old format, which has the tensor's address in memory: here in its new one."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return

    def reduced(storage: Any) -> Any:
        file = io.BytesIO()
        torch.save(storage, file)
        return torch.storage._load_from_bytes, (file.getvalue(),)

    kinds = [torch.storage._StorageBase, torch.storage.TypedStorage]
    before = [kind.__dict__.get("__reduce__") for kind in kinds]
    for kind in kinds:
        kind.__reduce__ = reduced
    try:
        yield
    finally:
        for kind, method in zip(kinds, before, strict=True):
            if method is not None:
                kind.__reduce__ = method
