"""Which models of a repository a change touches.

A model is touched by its own folder, by the code that its settings lead to, by the files of its sources, and by what
belongs to all: the machine, the locked packages, the pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mainline.config.loader import load
from mainline.errors import ConfigurationError
from mainline.github.actions import event, relevant_changes, review
from mainline.runtime import git, models
from mainline.runtime.models import Model


def touched(root: Path, base: str) -> list[Model]:
    """The models of a checkout that its difference from the commit `base` touches."""
    files = git.changed_files(root, base)
    return [model for model in models.here(root) if touches(root, base, model, files)]


def touches(root: Path, base: str, model: Model, files: Sequence[str]) -> bool:
    """Whether one of the changed files belongs to the model; settings that cannot be read have to be reviewed."""
    with models.selecting(model):
        try:
            settings = load(root / model.params).settings
        except ConfigurationError:
            return True
        return relevant_changes.relevant(root, base, settings, files) is not None


def of_event(root: Path, environment: Mapping[str, str]) -> list[Model]:
    """The models that the event's change touches; all where its base is not known.

    Where it touches none, the reports say so, as those of a repository with one model do.
    """
    started = event.read(environment)
    base = event.find_base(root, started)
    if base is None or git.commit_of(root, base) is None:
        return models.here(root)
    found = touched(root, base)
    if not found:
        review.leave_untouched(root, started, base, environment)
    return found
