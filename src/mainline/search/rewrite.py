"""The winner in `params.yaml`: the values of its trial in the text of the file, comments and order as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mainline.config import edit
from mainline.config.loader import Params, parse
from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.search.space import PARAMS, WITHOUT, Dimension, applied, same, value_of


@dataclass(frozen=True)
class Changed:
    """One setting that a trial changes: its name in `params.yaml`, and both values as they are written there."""

    setting: str
    before: str  # "not set" where the file does not have it
    after: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.before} → {self.after}"


def changes(settings: Settings, space: Sequence[Dimension], values: Mapping[str, Any]) -> list[Changed]:
    """What a trial changes in the file; a value that stands there already is none.

    A default that the file leaves out is one: what was measured is what is written, and the file may set the same thing
    by another name, as LightGBM's `eta`.
    """
    found = []
    for dimension in space:
        if dimension.name not in values:
            continue
        value = dimension.decode(values[dimension.name])
        if dimension.name == WITHOUT:
            found += [Changed("prepare.features", f"with {value}", f"without {value}")] if value is not None else []
            continue
        setting, parameter = f"train.{dimension.name}", dimension.name.removeprefix(PARAMS)
        if dimension.name.startswith(PARAMS) and parameter not in settings.train.params:
            found.append(Changed(setting, "not set", edit.written(value)))
            continue
        today = value_of(settings, dimension.name)
        if not same(today, value):
            found.append(Changed(setting, edit.written(today), edit.written(value)))
    return found


def rewritten(text: str, params: Params, space: Sequence[Dimension], values: Mapping[str, Any]) -> str:
    """The file's text with the values of a trial.

    Raises
    ------
    ConfigurationError
        Where the text is written in a way that cannot be changed in place: it says what to set by hand.
    """
    settings = params.settings
    changed = changes(settings, space, values)
    new: str | None = text
    for one in changed:
        if new is not None:
            new = with_change(new, settings, one)
    with contextlib.suppress(ConfigurationError):  # of the new text, such as an alias without its anchor
        if new is not None and parse(new, params.file).settings == applied(settings, space, values):
            return new
    said = ", ".join(map(str, changed))
    raise ConfigurationError(f"{params.file} is written in a way that cannot be changed in place; set by hand: {said}")


def with_change(text: str, settings: Settings, change: Changed) -> str | None:
    if change.setting == "prepare.features":
        name = change.after.removeprefix("without ")
        kind = "numeric" if name in settings.prepare.features.numeric else "categorical"
        return edit.without_item(text, ("prepare", "features", kind), name)
    keys = change.setting.split(".", 2)
    found = edit.with_value(text, keys, change.after)
    if found is not None or edit.node_at(text, keys) is not None:
        return found
    *section, name = keys
    if edit.node_at(text, section) is None:  # there is no `params` yet
        return edit.with_entry(text, section[:-1], section[-1], f"{{{name}: {change.after}}}")
    return edit.with_entry(text, section, name, change.after)
