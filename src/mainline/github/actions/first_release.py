"""The very first release of a repository: its state is created where there is no sign of an earlier release."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mainline.config.environment import IMAGE
from mainline.errors import ExternalError
from mainline.github.actions.release_page import TAG
from mainline.github.client import GitHub
from mainline.registry import shared_state
from mainline.registry.claims import TAG as STATE_TAG
from mainline.release import session
from mainline.runtime.workspace import Workspace


def begin(workspace: Workspace, github: GitHub, anew: bool) -> str:
    """Create the state in the registry; the answer says what was done.

    `anew` creates it although there were releases before, whose state is lost: a person has to ask for this.

    Raises
    ------
    ExternalError
        Where the state is damaged, or missing although something was released.
    """
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return "the state is that of the MLflow server"
    state = shared_state.needed(workspace)
    if state.repository.manifest(STATE_TAG) is not None:  # a damaged one raises: it must not be replaced
        return f"the state at {state.repository.reference} exists"
    if state.listed():
        state.pull()  # raises, and says what to do
    found = [] if anew else list(traces(github))
    if found:
        raise ExternalError(
            f"there is no state at {state.repository.reference}, but something was released before: "
            f"{', '.join(found)}. Check whether MAINLINE_STATE names the right place; if the state is lost, run the "
            "workflow manually with “Create a new state”"
        )
    return f"created {state.repository.reference} as {state.init(session.first_entry).digest}"


def traces(github: GitHub) -> Iterator[str]:
    """What a release leaves in other places: a tag in git, an image in production."""
    from mainline.release.targets import registry_tag

    tags = github.get(f"git/matching-refs/tags/{TAG}")
    if tags:
        yield f"the tag {tags[-1]['ref'].removeprefix('refs/tags/')}"
    if os.environ.get(IMAGE):
        target = registry_tag.target()
        if target.deployed():
            yield f"the image {target.repository.reference}:{target.tag}"
