"""What the differences between two models' answers are relative to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPREADS = 1000  # standard deviations: with a tolerance of 1e-5 a hundredth of one, which no metric notices


def scale_of(task: str, answers: NDArray[np.float64]) -> float:
    """1 for probabilities; of values the largest one, or `SPREADS` standard deviations where that is less.

    A 32-bit number near 1e9 is a multiple of 64: of values such as 1e9 ± 100, the largest does not show what is lost.
    """
    import numpy as np

    if task != "regression":
        return 1.0
    largest, spread = max(1.0, float(np.abs(answers).max())), SPREADS * float(np.std(answers))
    return min(largest, spread) if spread > 0 else largest
