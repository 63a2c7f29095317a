"""Features by pattern: `pixel_*` stands for the frame's columns of that name, in their order."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from mainline.config.schema import Features, Prepare, Settings
from mainline.data.collect import Collected
from mainline.errors import ConfigurationError

STAR = "*"
SHOWN = 12  # columns in a message


def resolved(settings: Settings, tables: Mapping[str, Collected]) -> Settings:
    """The settings with the columns that the patterns among the features stand for.

    Raises
    ------
    ConfigurationError
        Where a pattern matches nothing, or a column that is no feature.
    """
    if not any(STAR in name for name in settings.prepare.features.names):
        return settings
    from mainline.data.prepare import columns_of_frame

    return with_features(settings, expanded(settings.prepare, columns_of_frame(settings, tables)))


def with_features(settings: Settings, features: Features) -> Settings:
    return settings.model_copy(update={"prepare": settings.prepare.model_copy(update={"features": features})})


def expanded(prepare: Prepare, columns: Sequence[str]) -> Features:
    """The features with the frame's `columns` in place of the patterns.

    A column that is named belongs where it is named; a pattern stands for the others.
    """
    listed = {"numeric": prepare.features.numeric, "categorical": prepare.features.categorical}
    named = {name for name in prepare.features.names if STAR not in name or name in columns}
    taken: dict[str, tuple[str, str]] = {}  # by a pattern: the kind of feature, and the pattern
    found: dict[str, list[str]] = {}
    for kind, names in listed.items():
        chosen: list[str] = []
        for name in names:
            if name in named:
                chosen.append(name)
                continue
            for column in matching(prepare, kind, name, columns):
                if column in named or column in chosen:
                    continue
                if column in taken:
                    other, pattern = taken[column]
                    raise ConfigurationError(
                        f"params.yaml: prepare.features: {column} matches {pattern} of {other} and {name} of {kind}: "
                        "name it where it belongs"
                    )
                taken[column] = (kind, name)
                chosen.append(column)
        found[kind] = list(dict.fromkeys(chosen))
    return Features(**found)


def matching(prepare: Prepare, kind: str, pattern: str, columns: Sequence[str]) -> list[str]:
    """The columns that a pattern stands for."""
    found = matched(pattern, columns)
    where = f"params.yaml: prepare.features.{kind}: {pattern}"
    if not found:
        near = difflib.get_close_matches(pattern.strip(STAR), columns, n=1)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"it has {', '.join(columns[:SHOWN])}" + ", …" * (len(columns) > SHOWN)
        )
        raise ConfigurationError(f"{where} matches no column of the frame: {hint}")
    no_features = dict.fromkeys(prepare.key, "is in prepare.key")
    no_features |= {name: f"is prepare.{of}" for of in ("label", "time", "status") if (name := getattr(prepare, of))}
    for column in found:
        if column in no_features:
            raise ConfigurationError(
                f"{where} matches {column}, which {no_features[column]}: a narrower pattern is needed, or the names"
            )
    return found


def matched(pattern: str, names: Sequence[str]) -> list[str]:
    """The names that a pattern stands for, in their order: a star is any text, everything else is itself."""
    whole = re.compile(".*".join(map(re.escape, pattern.split(STAR))), re.DOTALL)
    return [name for name in names if whole.fullmatch(name)]
