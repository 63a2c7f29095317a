"""The matrix of a workflow: the models that its run is about, each with the names of what its job leaves.

On the standard library alone where there is one model: its workflows install nothing to find that out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mainline.config import environment as variables
from mainline.errors import ConfigurationError
from mainline.github.actions import commands
from mainline.runtime import models
from mainline.runtime.models import FOLDER, Model

OF_CHANGES = ("pull_request", "merge_group", "push")  # events that are about what they change
MOST = 20  # models that one pull request trains, unless the repository's variable says another number
MATRIX = 256  # jobs that GitHub makes of one matrix


def of_run(root: Path, environment: Mapping[str, str], whole: bool = False) -> list[Model]:
    """The models that a workflow's run is about: those that its change touches, or all; it may touch none.

    Where a change touches none of several models, the report that says so is written here, since no job trains.

    Raises
    ------
    ConfigurationError
        Where there are more than one run may train.
    """
    there = models.here(root) or [models.AT_TOP]
    if len(there) == 1 or environment.get(models.SELECT):
        return [models.selected(environment)] if len(there) > 1 else there
    if whole or environment.get("GITHUB_EVENT_NAME") not in OF_CHANGES:
        return bounded(there, MATRIX, "GitHub makes no more jobs of one matrix")
    from mainline.github.actions import touched_models

    found = touched_models.of_event(root, environment)
    names = ", ".join(map(str, found)) or "none"
    commands.annotate("notice", "Models", f"this change touches {names} of {', '.join(map(str, there))}")
    return bounded(found, most(environment), f"split it, or set the repository's variable {variables.MOST_MODELS}")


def bounded(found: list[Model], number: int, what: str) -> list[Model]:
    if len(found) > number:
        names = ", ".join(map(str, found[:3]))
        raise ConfigurationError(
            f"this change touches {len(found)} models ({names}, …), and one run trains at most {number}: {what}"
        )
    return found


def most(environment: Mapping[str, str]) -> int:
    given = environment.get(variables.MOST_MODELS, "").strip()
    if not given:
        return MOST
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= MATRIX:
        raise ConfigurationError(f"{variables.MOST_MODELS} is {given!r}: a number from 1 to {MATRIX} is needed")
    return int(given)


def as_json(found: Sequence[Model], root: Path) -> str:
    alone = models.here(root) in ([], [models.AT_TOP])
    return json.dumps([entry(model, alone) for model in found])


def entry(model: Model, alone: bool = False) -> dict[str, str]:
    """What the workflows need to know of a model: they build no name. `alone` is the only one, at the top."""
    return {
        "name": "" if alone else str(model),
        "suffix": model.suffix,
        "reports": str(model.reports),
        "page": str(model.reports / model.page),
        "records": str(Path(".mainline", FOLDER, model.name, "records") if model.name else Path(".mainline/records")),
    }
