"""Which project `make init` has replaced here: the model of the template's example is nothing to compare with.

`.mainline-init.json` says it, which is committed with the project: whoever reviews the change sees the line. It counts
once only, against a commit that still holds what was replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings

FILE = ".mainline-init.json"


def replaced(root: Path) -> str | None:
    """The preparation function of the project that was here before; None where `make init` has replaced none."""
    try:
        content = json.loads((root / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = content.get("replaces") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None


def begins_anew(root: Path, settings: Settings, before: Mapping[str, Any] | None) -> str | None:
    """Why a commit's model is no baseline: it is that of the project that this one replaces.

    Parameters
    ----------
    before
        The content of the commit's params.yaml.
    """
    was = replaced(root)
    if was is None or not before or settings.prepare.function == was:
        return None
    prepare, data = before.get("prepare"), before.get("data")
    if not isinstance(prepare, dict) or prepare.get("function") != was or not isinstance(data, dict):
        return None
    sources = data.get("sources")
    if not isinstance(sources, dict) or set(sources) & set(settings.data.sources):
        return None
    return f"no baseline: it still holds {was}, the project that make init has replaced by {settings.prepare.function}"
