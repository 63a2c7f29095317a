"""The commands of a state in a registry: init, list, restore."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.cli.commands import about
from mainline.registry.shared_state import needed
from mainline.release import session
from mainline.release.session import first_entry
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    from mainline.registry.shared_state import Listed


def add(commands: Any) -> None:
    state = commands.add_parser("state", description=about("state"))
    whats = state.add_subparsers(required=True, metavar="ACTION")
    init = whats.add_parser("init", help="create the first state, once, before the first release")
    init.set_defaults(command=init_command)
    listing = whats.add_parser("list", help="list the states that can be restored")
    listing.set_defaults(command=list_command)
    restore = whats.add_parser("restore", help="make an older state the current one")
    restore.add_argument("digest", help="sha256:…, as `mainline state list` shows it")
    restore.set_defaults(command=restore_command)


def init_command(call: argparse.Namespace) -> int:
    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        state = needed(workspace)
        print(f"{state.repository.reference} begins with {state.init(first_entry).digest}")
    return 0


def list_command(call: argparse.Namespace) -> int:
    print(table(needed(Workspace.at(Path.cwd())).listed()))
    return 0


def restore_command(call: argparse.Namespace) -> int:
    workspace = Workspace.at(Path.cwd())

    def fill(store: Path, lines: list[str]) -> None:
        _, log = session.open_registry_and_log(store)
        why = log.take_over(lines)
        left = f"; of the log of the state before not all was taken over: {why}" if why else ""
        log.write("restored", session.current_user(), {"reason": f"state {call.digest}{left}"})

    with workspace.locked():
        state = needed(workspace)
        print(f"{state.repository.reference} is now {state.restore(call.digest, fill).digest}")
    return 0


def table(found: Sequence[Listed]) -> str:
    if not found:
        return "There is no state yet: mainline state init"
    lines = [f"{'':3}{'#':>5}  {'when':25}  {'size':>9}  {'last entry':15}  digest"]
    for each in found:
        mark = "▸" if each.current else " "
        facts = f"{each.sequence:>5}  {each.created:25}  {each.size / 1e6:>6.1f} MB  {each.says:15}  {each.digest}"
        lines.append(f" {mark} {facts}" + (f"  restores {each.restored[:19]}…" if each.restored else ""))
    return "\n".join(lines)
