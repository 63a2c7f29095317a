"""What is computed of a prepared frame and is the same for every model of it: kept for the next one.

The key is the frame's fingerprint, which holds data, cutoff and preparation, all settings but `train.params`, and
Mainline's own code that may compute it.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings
from mainline.runtime.atomic_files import write_text
from mainline.training.fingerprint import digest

PACKAGE = Path(__file__).parents[1]
ROOMS = ("config", "data", "evaluation", "training")  # whose code decides about what is kept


@dataclass(frozen=True)
class FrameCache:
    """Of one frame; `folder` is where it is kept, None where it is not."""

    folder: Path | None
    frame: str  # its fingerprint
    settings: Settings

    @cached_property
    def key(self) -> str:
        settings = self.settings.model_dump(mode="json", exclude={"train": {"params"}})
        return digest([self.frame, settings, code_digest(PACKAGE)])

    def get(self, name: str, compute: Callable[[], Any], given: str = "") -> Any:
        """What `compute` returns, which must be JSON; `given` is a digest of whatever else decides about it."""
        if self.folder is None:
            return compute()
        file = self.folder / f"{name}-{digest([self.key, name, given])[:32]}.json"
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # a damaged one is computed again
            pass
        found = compute()
        write_text(file, json.dumps(found))
        return found


@functools.cache  # of the code that this process has imported
def code_digest(package: Path) -> str:
    folders = (folder for room in ROOMS for folder in os.walk(package / room))
    files = sorted(os.path.join(place, name) for place, _, names in folders for name in names if name.endswith(".py"))
    return digest([[os.path.relpath(file, package), sha256(Path(file).read_bytes()).hexdigest()] for file in files])
