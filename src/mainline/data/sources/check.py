"""The settings of sources that a project added: which kind they choose, and whether it takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mainline.config import loader
from mainline.config.schema import Source
from mainline.config.sources import KINDS
from mainline.data.sources.declaration import SOURCES, SourceKind

if TYPE_CHECKING:
    from mainline.config.loader import Key, Params


def problems(params: Params) -> Iterator[tuple[Sequence[Key], str]]:
    """The settings that no source takes, or of the wrong type, and what is wrong."""
    for name, given in params.settings.data.sources.items():
        extra, at = given.model_extra or {}, ("data", "sources", name)
        chosen = [SOURCES[key] for key in extra if key in SOURCES]
        if not chosen:
            valid = [*Source.model_fields, *SOURCES.added()]
            yield from (((*at, key), loader.no_setting((*at, key), valid)) for key in extra)
        elif len(chosen) > 1 or any(getattr(given, key) is not None for key in KINDS):
            kinds = ", ".join([kind.name for kind in chosen] + [key for key in KINDS if getattr(given, key)])
            yield at, f"data.sources.{name}: a source has one of these, not several: {kinds}"
        elif chosen[0].settings:
            yield from loader.type_problems(params, chosen[0].settings, extra, at)


def kind_of(source: Source) -> SourceKind:
    """The kind that a source's settings choose."""
    added = next((SOURCES[key] for key in source.model_extra or {} if key in SOURCES), None)
    return added or SOURCES[next(kind for kind in KINDS if getattr(source, kind) is not None)]
