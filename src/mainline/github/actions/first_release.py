"""The very first release of a repository, or of a new kind of project in it: its state is created.

Without being asked for it, only where there is no sign of an earlier release.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mainline.config.environment import IMAGE, MODEL_NAME
from mainline.errors import ConfigurationError, ExternalError
from mainline.github.actions import commands
from mainline.github.actions.release_page import numbers, prefix
from mainline.github.client import GitHub
from mainline.registry import audit_log, shared_state
from mainline.registry.claims import TAG as STATE_TAG
from mainline.registry.oci import NoAnswer
from mainline.registry.shared_state import Former, Shared
from mainline.release import session
from mainline.runtime.atomic_files import remove
from mainline.runtime.workspace import Workspace


def begin_here(workspace: Workspace, github: GitHub, anew: bool) -> str:
    """What `begin` does, in a folder of this checkout: the state in the registry is read and stays as it is."""
    here = session.begun(workspace)
    remove(here)

    def fill(first: Callable[[Path], object]) -> str:
        here.mkdir(parents=True)
        first(here)
        return f"begun in {here.relative_to(workspace.root)}, and nowhere else before the release is approved"

    try:
        return begin(workspace, github, anew, fill)
    except NoAnswer as error:
        # Of a package that does not exist yet, a registry may say that this token may not read it. The job that may
        # write looks again: it creates no second state.
        if numbers(github):
            raise
        commands.annotate("notice", "The state cannot be read", f"{error}. Nothing was released yet: it is a first one")
        return fill(functools.partial(session.first_entry, last=last_number(github)))


def begin(
    workspace: Workspace, github: GitHub, anew: bool, here: Callable[[Callable[[Path], object]], str] | None = None
) -> str:
    """Create the state in the registry; the answer says what was done.

    Where it would be created, `here` gets what fills it instead.

    `anew` creates it although there were releases before, and puts it in the place of the state that there is, which
    is kept under its own tag: a person has to ask for this. A rerun of the same workflow run does it once.

    Raises
    ------
    ExternalError
        Where the state is damaged, or missing although something was released.
    ConfigurationError
        Where a server keeps the state, and it is to begin anew.
    """
    if os.environ.get("MLFLOW_TRACKING_URI"):
        if anew:
            raise ConfigurationError(
                f"the state is that of the MLflow server, which is not emptied: set the variable {MODEL_NAME} to "
                "another name, then release without “Start over”"
            )
        return "the state is that of the MLflow server"
    state = shared_state.needed(workspace)
    current = state.repository.manifest(STATE_TAG)  # a damaged one raises: it must not be replaced
    if current is not None:
        return begin_anew(state, state.former(current), github, here) if anew else exists(state)
    if state.listed():
        state.pull()  # raises, and says what to do
    found = [] if anew else list(traces(github))
    if found:
        raise ExternalError(
            f"there is no state at {state.repository.reference}, but something was released before: "
            f"{', '.join(found)}. Check whether MAINLINE_STATE names the right place; if the state is lost, run the "
            "workflow manually with “Start over”"
        )
    first = functools.partial(session.first_entry, last=last_number(github))
    if here:
        return here(first)
    made = state.init(first)
    return f"created {state.repository.reference} as {made.digest}"


def exists(state: Shared) -> str:
    return f"the state at {state.repository.reference} exists"


def begin_anew(
    state: Shared, former: Former, github: GitHub, here: Callable[[Callable[[Path], object]], str] | None = None
) -> str:
    """Put an empty state in the place of the current one: the model is released as the first one of its kind is."""
    entries, _ = audit_log.whole(former.audit)
    run = os.environ.get("GITHUB_RUN_ID", "")
    if run and entries and entries[0].details.get("run") == run:
        return f"this run has already begun the state at {state.repository.reference}"
    details = {
        "reason": f"started over; the state before is kept as {former.tag} ({former.digest})",
        "former_state": former.digest,
        "former_tag": former.tag,
        "former_log": entries[-1].hash if entries else "",
        "run": run,
    }

    def fill(store: Path) -> None:
        session.first_entry(store, last_number(github), details)

    if here:
        return here(fill)
    made = state.replace(former, fill)
    return f"started over: {state.repository.reference} is {made.digest}; the state before is kept as {former.tag}"


def last_number(github: GitHub) -> int:
    """The highest version that ever had a page: its tag and its page must not come to name another model."""
    return max(numbers(github), default=0)


def traces(github: GitHub) -> Iterator[str]:
    """What a release leaves in other places: a tag in git, an image in production."""
    from mainline.release.targets import registry_tag

    known = numbers(github)
    if known:
        yield f"the tag {prefix()}{max(known)}"
    if os.environ.get(IMAGE):
        target = registry_tag.target()
        if target.deployed():
            yield f"the image {target.repository.reference}:{target.tag}"
