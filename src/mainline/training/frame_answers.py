"""Answers about a prepared frame that no parameter of a model changes, kept for the next model of the same frame.

An answer is known by the frame's fingerprint, which holds data, cutoff and preparation, by all settings but
`train.params`, and by the code that computes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from mainline.config.schema import Settings
from mainline.runtime.atomic_files import write_text
from mainline.training.fingerprint import digest


@dataclass(frozen=True)
class Answers:
    """Of one frame; `folder` is where they are kept, None where they are not."""

    folder: Path | None
    frame: str  # its fingerprint
    settings: Settings

    @cached_property
    def asked(self) -> str:
        return digest([self.frame, self.settings.model_dump(mode="json", exclude={"train": {"params"}})])

    def of(self, name: str, compute: Callable[[], Any], *code: ModuleType, given: str = "") -> Any:
        """What `compute` returns, which must be JSON; `code` are the modules that decide about it.

        `given` is a digest of whatever else does.
        """
        if self.folder is None:
            return compute()
        sources = [hashlib.sha256(path.read_bytes()).hexdigest() for module in code for path in files_of(module)]
        file = self.folder / f"{name}-{digest([self.asked, name, sources, given])[:32]}.json"
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            pass
        found = compute()
        write_text(file, json.dumps(found))
        return found


def files_of(module: ModuleType) -> list[Path]:
    """The module's file; of a package, those of all its modules."""
    file = Path(str(module.__file__))
    return sorted(file.parent.rglob("*.py")) if hasattr(module, "__path__") else [file]
