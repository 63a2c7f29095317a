"""Seeds of every library that an estimator may draw random numbers from, so that a fit can be repeated.

An estimator's own `random_state` is a parameter; these are the global generators that others use.
"""

from __future__ import annotations

import random
import sys
from typing import Any

SEED = 0
LIBRARIES = ("torch", "tensorflow", "keras")  # with a generator of their own; only those that are loaded are seeded


def fit(pipeline: Any, features: Any, target: Any, seed: int = SEED, *, step: str = "estimator__", **more: Any) -> None:
    """Fit with all seeds set. A library that the fit itself has loaded was not seeded: then it is fitted again.

    `more` are further parameters of the estimator's `fit`, which is the pipeline's `step`.
    """
    more = {f"{step}{name}": value for name, value in more.items()}
    before = loaded()
    settle(seed)
    pipeline.fit(features, target, **more)
    if loaded() != before:
        settle(seed)
        pipeline.fit(features, target, **more)


def loaded() -> list[str]:
    return [name for name in LIBRARIES if name in sys.modules]


def settle(seed: int = SEED) -> None:
    """Set the seeds of Python, NumPy and the libraries that are loaded."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    torch, tensorflow = sys.modules.get("torch"), sys.modules.get("tensorflow")
    if torch is not None:
        torch.manual_seed(seed)  # of every device
        torch.use_deterministic_algorithms(True, warn_only=True)
        if hasattr(torch.backends, "cudnn"):
            torch.backends.cudnn.benchmark = False
    if tensorflow is not None:
        tensorflow.random.set_seed(seed)
