"""The verbs of a state in a registry: init, list, restore."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline import releasing
from mainline.errors import ConfigurationError
from mainline.workspace import Workspace

if TYPE_CHECKING:
    from mainline.state import Listed, Shared


def add(verbs: Any) -> None:
    state = verbs.add_parser("state", help="the state in the registry of MAINLINE_STATE")
    whats = state.add_subparsers(required=True, metavar="what")
    init = whats.add_parser("init", help="begin it: once, before the first release")
    init.set_defaults(verb=init_verb)
    listing = whats.add_parser("list", help="every state that can be restored")
    listing.set_defaults(verb=list_verb)
    restore = whats.add_parser("restore", help="make an older state the current one")
    restore.add_argument("digest", help="sha256:…, as `mainline state list` shows it")
    restore.set_defaults(verb=restore_verb)


def init_verb(call: argparse.Namespace) -> int:
    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        state = needed(workspace)
        print(f"{state.repository.reference} begins with {state.init(first_entry).digest}")
    return 0


def first_entry(store: Path) -> None:
    """What the first state of all holds: a store, and a log that says who began it."""
    _, book = releasing.opened(store)
    book.write("begun", releasing.who(), {})


def list_verb(call: argparse.Namespace) -> int:
    print(table(needed(Workspace.at(Path.cwd())).listed()))
    return 0


def restore_verb(call: argparse.Namespace) -> int:
    workspace = Workspace.at(Path.cwd())

    def fill(store: Path, lines: list[str]) -> None:
        _, book = releasing.opened(store)
        why = book.take_over(lines)
        left = f"; of the log of the state before not all was taken over: {why}" if why else ""
        book.write("restored", releasing.who(), {"reason": f"state {call.digest}{left}"})

    with workspace.locked():
        state = needed(workspace)
        print(f"{state.repository.reference} is now {state.restore(call.digest, fill).digest}")
    return 0


def needed(workspace: Workspace) -> Shared:
    if os.environ.get("MLFLOW_TRACKING_URI"):
        raise ConfigurationError("MLFLOW_TRACKING_URI is set: the state is that server's, nothing is pulled or pushed")
    from mainline.state import VARIABLE, shared

    found = shared(workspace)
    if found is None:
        raise ConfigurationError(f"{VARIABLE} is not set: such as {VARIABLE}=registry.example/team/name")
    return found


def pulled(workspace: Workspace) -> Path:
    """The current state's store, for looking at; what is changed there is never pushed."""
    with workspace.locked():
        state = needed(workspace)
        store = state.pull()
        state.mark(clean=False)
    return store


def table(found: Sequence[Listed]) -> str:
    if not found:
        return "There is no state yet: mainline state init"
    lines = [f"{'':3}{'#':>5}  {'when':25}  {'size':>9}  {'last entry':15}  digest"]
    for each in found:
        mark = "▸" if each.current else " "
        facts = f"{each.sequence:>5}  {each.created:25}  {each.size / 1e6:>6.1f} MB  {each.says:15}  {each.digest}"
        lines.append(f" {mark} {facts}" + (f"  restores {each.restored[:19]}…" if each.restored else ""))
    return "\n".join(lines)
