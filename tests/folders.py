"""A deployment target in a folder: what is deployed is what a file says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mainline.errors import ExternalError
from mainline.runtime.atomic_files import write_text

VARIABLE = "TEST_TARGET_FOLDER"


@dataclass
class Folder:
    """Images whose digest a file `refused` lists do not start here."""

    path: Path
    name: str = "folder"

    def deployed(self) -> str | None:
        found = self.path / "deployed"
        return found.read_text(encoding="utf-8") if found.exists() else None

    def deploy(self, digest: str) -> None:
        refused = self.path / "refused"
        if refused.exists() and digest in refused.read_text(encoding="utf-8"):
            raise ExternalError(f"{digest} does not start")
        with (self.path / "deploys").open("a", encoding="utf-8") as log:
            log.write(f"{digest}\n")
        write_text(self.path / "deployed", digest)

    @property
    def deploys(self) -> list[str]:
        log = self.path / "deploys"
        return log.read_text(encoding="utf-8").split() if log.exists() else []


def made() -> Folder:
    """As `--target tests.folders:made` asks for it."""
    return Folder(Path(os.environ[VARIABLE]))
