"""Which models a command is for, where a repository has several: decided here, before the command itself is read.

`--model NAME` can stand anywhere in the call; `MODEL=` of a make target is the variable MAINLINE_SELECT. A command of
one model works as in a repository with no other: its workspace and its variables are that model's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mainline.config import environment as variables
from mainline.errors import ConfigurationError, ExternalError
from mainline.runtime import models
from mainline.runtime.models import SELECT, SELECTED, Model

OPTION = "--model"

# Where a repository has several models and none is named: for which of them a command is. One that stands nowhere here
# is not about a model, or takes the one at the top.
TOUCHED = frozenset({"run", "review"})  # those that the change touches
EACH = frozenset(
    {
        *("export", "margins", "verify", "candidate", "promote", "image", "stage", "audit"),
        *("monitor", "watch", "alert", "retrain", "sources"),
    }
)
# It has to be named.
ONE = frozenset({"search", "predict", "serve", "ui", "deploy", "rollback", "state", "ship", "train", "score"})

# What `--model` was called where it named an export's folder or a digest: such a value is no name of a model.
FORMER = (OPTION,)
ELSEWHERE = {**dict.fromkeys(("predict", "serve", "image", "stage"), "--export"), "monitor": "--digest"}
# About one model's own things: the same for each would be wrong.
OF_ONE = ("--image", "--to", "--version", "--export", "--digest", "--log", "--metrics")


def asked(words: Sequence[str], environment: Mapping[str, str]) -> tuple[str | None, list[str]]:
    """The name of the model that a call asks for, and the call without it.

    Raises
    ------
    ConfigurationError
        Where it is no name, or two are asked for.
    """
    names, rest = [], []
    todo = list(words)
    former = ELSEWHERE.get(next((word for word in words if word in ELSEWHERE), ""))
    while todo:
        word = todo.pop(0)
        value = word.partition("=")[2] if word.startswith(f"{OPTION}=") else None
        if word == OPTION and todo:
            value = todo[0]
        if value is None or (former and (len(value) > models.LONGEST or "/" in value)):
            rest.append(word)
            continue
        if word == OPTION:
            todo.pop(0)
        names.append(value)
    wanted = environment.get(SELECT, "").strip()
    if wanted and not names:
        names = [wanted]
    if len(set(names)) > 1:
        raise ConfigurationError(f"{OPTION} is given twice: {' and '.join(names)}")
    problem = models.unfit(names[0]) if names and names[0] != models.TOP else None
    if problem:
        raise ConfigurationError(problem + (f". A folder or a digest is {former}, EXPORT= of make" if former else ""))
    return (names[0] if names else None), rest


def chosen(words: Sequence[str], name: str | None, root: Path) -> list[Model]:
    """The models that a command is for, at least one.

    Raises
    ------
    ConfigurationError
        Where the named one does not exist, or one has to be named.
    """
    if os.environ.get(SELECTED):
        already = models.selected()
        if name and name != str(already):
            raise ConfigurationError(f"{OPTION} {name}: this process was started for {already}")
        return [already]
    if words[:1] == ["init"]:
        return [Model(name if name != models.TOP else None)]  # it makes the model
    there = models.here(root)
    if name:
        return [models.named(name, there)]
    command = words[0] if words else ""
    if command not in TOUCHED | EACH | ONE or not there:
        return [Model()]
    if len(there) == 1 or {"-h", "--help"} & set(words):
        return there[:1]
    own = next((word for word in words if word.split("=")[0] in OF_ONE), None)
    if own is None and command == "stage" and len(words) > 1:
        own = words[1]
    if command in ONE or own:
        about = f"{command} {own}" if own else command
        raise ConfigurationError(
            f"{about} is about one model, and there are {', '.join(map(str, there))}: say which, such as "
            f"{OPTION} {there[0]} (MODEL={there[0]} of make)"
        )
    return touched(words, root) or there if command in TOUCHED else there


def touched(words: Sequence[str], root: Path) -> list[Model]:
    """The models that the checkout's changes touch since it left the base."""
    from mainline.github.actions import touched_models
    from mainline.runtime import git

    at = next((i for i, word in enumerate(words) if word.split("=")[0] == "--base"), None)
    base = None if at is None else words[at].partition("=")[2] or "".join(words[at + 1 : at + 2])
    commit = git.tip(root, base or git.default_branch(root) or git.TRUNKS[0]) if git.is_top(root) else None
    fork = git.git(root, "merge-base", commit, "HEAD") if commit else None
    return touched_models.touched(root, fork) if fork else []


@contextmanager
def working_for(model: Model) -> Iterator[None]:
    """The variables of a model with a name, for this process and those that it starts."""
    if os.environ.get(SELECTED) or not (model.name or os.environ.get(SELECT)):
        yield
        return
    before = dict(os.environ)
    os.environ.update(variables.of_model(os.environ, model) | {SELECTED: str(model)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def one_after_another(wanted: Sequence[Model], words: Sequence[str]) -> int:
    """The command for each of the models, in a process of its own; the worst status.

    A model that fails does not keep the others from their turn.
    """
    found = {}
    for model in wanted:
        print(f"── {model} ──", flush=True)
        done = subprocess.run([sys.executable, "-m", "mainline", OPTION, str(model), *words], check=False)
        found[model] = done.returncode if done.returncode >= 0 else ExternalError.status
        print(flush=True)
        if done.returncode in (130, -2):  # a person has stopped it
            return 130
    results = {model: f"failed (status {status})" if status else "passed" for model, status in found.items()}
    print(f"{len(found)} models: " + ", ".join(f"{model} {result}" for model, result in results.items()))
    return max(found.values())


def in_words(message: str) -> str:
    """An error message with the file of the model's settings by its path."""
    return re.sub(rf"(?m)^{re.escape(models.PARAMS)}\b", str(models.selected().params), message)
