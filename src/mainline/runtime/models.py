"""The models of a repository, and the one that a process works for.

`params.yaml` at the top is a model, and so is each `models/<name>/params.yaml`. Where a model has a name, all that it
leaves anywhere carries it: rooms ask `Model` for a name, and build none themselves. The model at the top keeps the
names of a repository with one model.

On the standard library alone, because jobs that install nothing use it too.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mainline.errors import ConfigurationError

TOP = "top"  # what the model of `params.yaml` is called beside others
FOLDER = "models"
PARAMS = "params.yaml"
SELECT = "MAINLINE_SELECT"  # which model is asked for
SELECTED = "MAINLINE_SELECTED"  # the model whose variables a process has, for the processes that it starts
LONGEST = 30  # with it, the names of containers, branches and tags stay within their limits
NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
# Other things of a repository, a registry, or a folder of reports are called so.
RESERVED = frozenset(
    {
        *(TOP, "all", "none", "main", "mainline", "model", "models"),
        *("state", "shared", "ship", "base", "image", "latest", "production", "candidate", "champion", "previous"),
        *("data", "demo", "init", "monitor", "release", "report", "reports", "retrain", "retraining", "stage"),
        *("search", "trainer", "jobs"),
    }
)


# Not a dataclass: every command starts with this module.
class Model(NamedTuple):
    """One model of the repository by its name; None is the one of `params.yaml` at the top."""

    name: str | None = None

    def __str__(self) -> str:
        return self.name or TOP

    @property
    def folder(self) -> Path:
        """Where its settings are, from the checkout's top."""
        return Path(FOLDER, self.name) if self.name else Path()

    def titled(self, title: str, subject: str) -> str:
        """A title for people; of a model with a name, it stands behind the subject that the title begins with."""
        return title.replace(subject, f"{subject} of {self.name}", 1) if self.name else title

    @property
    def params(self) -> Path:
        return self.folder / PARAMS

    @property
    def expectations(self) -> Path:
        """The folder of its suites, unless its settings name another."""
        return self.folder / "expectations" if self.name else Path("data/expectations")

    @property
    def card(self) -> Path:
        """The part of its model card that people write."""
        return self.folder / "model-card.md" if self.name else Path("docs/model-card.md")

    @property
    def reports(self) -> Path:
        """Where its reports are, from the checkout's top."""
        return Path("reports") / self.below

    @property
    def log(self) -> str:
        """Where its server writes the prediction log, unless its settings name another place."""
        return f".mainline/{FOLDER}/{self.name}/log" if self.name else ".mainline/log"

    @property
    def suffix(self) -> str:
        """What follows a name of one word, such as `mainline`, where each model has its own."""
        return f"-{self.name}" if self.name else ""

    @property
    def page(self) -> str:
        """The name of the report with plots where a workflow keeps it: those of several models must differ."""
        return f"report{self.suffix}.html"

    @property
    def below(self) -> PurePosixPath:
        """Where its own things are, below a folder or a repository that it shares with the others."""
        return PurePosixPath(self.name or "")


AT_TOP = Model()


def here(root: Path) -> list[Model]:
    """The models of a checkout, the one at the top first; none where nothing has been set up yet.

    Raises
    ------
    ConfigurationError
        Where a folder of `models/` has a name that no model can have.
    """
    named = sorted(path.parent.name for path in (root / FOLDER).glob(f"*/{PARAMS}"))
    problems = [f"{FOLDER}/{name}: {problem}" for name in named if (problem := unfit(name))]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return [*([Model()] if (root / PARAMS).exists() else []), *map(Model, named)]


def unfit(name: str) -> str | None:
    """Why no model can be called so; None where it can."""
    if "/" in name or "\\" in name or name in (".", ".."):
        return f"{name!r} is a path: a model has a plain name, such as churn"
    if not NAME.fullmatch(name):
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").lstrip("0123456789-")[:LONGEST].strip("-")
        hint = near if NAME.fullmatch(near) and near not in RESERVED else "churn"
        return f"{name!r} is no name of a model: lower-case letters, digits and hyphens are, such as {hint}"
    if len(name) > LONGEST:
        return f"{name!r} is no name of a model: it has {len(name)} characters, at most {LONGEST} are possible"
    if name in RESERVED:
        return f"{name!r} is reserved: call the model otherwise, such as {name}-model"
    return None


def check_new(name: str, root: Path) -> None:
    """Raises ConfigurationError where no new model can be called so: it is no name, or it is taken."""
    problem = unfit(name)
    if problem:
        raise ConfigurationError(problem)
    if (root / FOLDER / name).exists():
        raise ConfigurationError(
            f"{name!r} is taken: {FOLDER}/{name} exists; choose another name, or change that model"
        )


def named(name: str, models: Iterable[Model]) -> Model:
    """The model of that name; `top` is the one of `params.yaml`.

    Raises
    ------
    ConfigurationError
        Where there is none, with the names that there are.
    """
    known = {str(model): model for model in models}
    if name in known:
        return known[name]
    problem = None if name == TOP else unfit(name)
    if problem:
        raise ConfigurationError(problem)
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    there = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
    raise ConfigurationError(f"there is no model {name}: {there}")


def selected(environment: Mapping[str, str] = os.environ) -> Model:
    """The model that this process works for: the one at the top, unless it was started for another.

    Raises
    ------
    ConfigurationError
        Where the variable holds what no model can be called.
    """
    for variable in (SELECTED, SELECT):
        name = environment.get(variable, "").strip()
        if name and name != TOP:
            problem = unfit(name)
            if problem:
                raise ConfigurationError(f"{variable}: {problem}")
            return Model(name)
        if name:
            break
    return Model()


@contextlib.contextmanager
def selecting(model: Model) -> Iterator[None]:
    """Ask the rooms about another model than the one that this process works for; its variables stay as they are."""
    before = os.environ.get(SELECTED)
    os.environ[SELECTED] = str(model)
    try:
        yield
    finally:
        os.environ.pop(SELECTED)
        if before is not None:
            os.environ[SELECTED] = before
