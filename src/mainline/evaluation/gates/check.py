"""The settings of gates that a project added: which gate takes them, and whether they are of its type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mainline.config import loader
from mainline.config.schema import Gates
from mainline.evaluation.gates.declaration import GATES

if TYPE_CHECKING:
    from mainline.config.loader import Key, Params


def problems(params: Params) -> Iterator[tuple[Sequence[Key], str]]:
    """The settings below `gates` that no gate takes, or of the wrong type, and what is wrong."""
    for name, value in (params.settings.gates.model_extra or {}).items():
        at = ("gates", name)
        if name in GATES:
            yield from loader.type_problems(params, GATES[name].setting, value, at)
        else:
            yield at, loader.no_setting(at, [*Gates.model_fields, *GATES.added()])
