"""A matrix in a file: what an estimator is fitted on that does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PART = 1_000_000  # rows that are in memory at once


@dataclass(frozen=True)
class FileMatrix:
    """A matrix of 32-bit floats in a file, by rows, and the target (rows,) of its rows."""

    path: Path
    columns: int
    target: NDArray[Any]

    def parts(self) -> Iterator[tuple[NDArray[np.float32], NDArray[Any]]]:
        for start in range(0, len(self.target), PART):
            yield self.rows(start, min(start + PART, len(self.target))), self.target[start : start + PART]

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """Read, not mapped: pages of a mapped file count as the process' own memory."""
        import numpy as np

        count = (stop - start) * self.columns
        found = np.fromfile(self.path, np.float32, count, offset=start * self.columns * 4)
        return found.reshape(-1, self.columns)

    def mapped(self) -> NDArray[np.float32]:
        """All rows, of which the system keeps in memory what it has room for."""
        import numpy as np

        return np.memmap(self.path, np.float32, "r", shape=(len(self.target), self.columns))
