"""The command that makes a project of a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError, MainlineError

TASKS = ("binary", "multiclass", "regression")


def add(commands: Any) -> None:
    init = commands.add_parser("init", description=about("init"))
    init.add_argument(
        "file", help="a file, folder, glob, URL, `postgresql:SELECT …`, `sklearn:name` or `r:package/name`"
    )
    init.add_argument("--label", required=True, help="the column that is predicted")
    init.add_argument("--time", help="the timestamp column of the prediction; `none`: there is none")
    init.add_argument("--key", help="the columns that identify a row, with commas; `content`: made from the row")
    init.add_argument("--name", help="the project's name (default: the file's)")
    init.add_argument("--task", help=", ".join(TASKS))
    init.add_argument("--positive", help="the label's value that is predicted, where there are two")
    init.add_argument("--labels", help="a second file with the labels, joined by the key")
    init.add_argument(
        "--database", default="DATABASE_URL", help="the variable with a database's URL (default: DATABASE_URL)"
    )
    init.add_argument("--keep", action="store_true", help="leave the example where it is")
    init.set_defaults(command=init_command)


def init_command(call: argparse.Namespace) -> int:
    from mainline.init.proposal import Wishes

    if call.task is not None and call.task not in TASKS:
        import difflib

        near = difflib.get_close_matches(call.task, TASKS, n=1)
        raise ConfigurationError(
            f"TASK={call.task}: " + (f"did you mean {near[0]}?" if near else f"one of {', '.join(TASKS)}")
        )
    wishes = Wishes(
        file=call.file, label=call.label, time=call.time,
        key=tuple(part.strip() for part in call.key.split(",") if part.strip()) if call.key else (),
        name=call.name, task=call.task, positive=call.positive, labels=call.labels, keep=call.keep,
    )  # fmt: skip
    from mainline.config.schema import Train
    from mainline.runtime.workspace import Workspace
    from mainline.training.pipeline import use_threads

    use_threads(Train.model_fields["threads"].default)  # before NumPy is imported: it counts the cores
    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        return begun(wishes, workspace, call.database)


def begun(wishes: Any, workspace: Any, database: str) -> int:
    from mainline.init import reading, terminal
    from mainline.runtime import git
    from mainline.runtime.progress import Progress
    from pipelines import init

    progress = Progress.on_terminal()
    try:
        found, proposal = init.proposed(wishes, workspace, progress, database)
        print(terminal.decided(proposal), flush=True)
        print(f"\n{terminal.found(proposal.findings)}\n" if proposal.findings else "", flush=True)
        base = git.default_branch(workspace.root) or git.TRUNKS[0]
        done = init.begin(found, proposal, workspace, base, progress, keep=wishes.keep)
    except MainlineError as error:
        raise type(error)(reading.shown(str(error), workspace)) from None
    from mainline.report.terminal import terminal_summary

    later = [one for one in done.proposal.findings if one not in proposal.findings]
    if later:
        print(f"\n{terminal.found(later)}")
    print(f"\n{terminal_summary(done.review, workspace.of.reports)}\n")
    print(
        terminal.ending(
            done.proposal.name,
            done.suggestions,
            warnings=done.written.warnings,
            git=git.is_top(workspace.root),
            branch=done.proposal.name.replace("_", "-"),
            passed=done.review.passed,
            page=workspace.of.reports / init.PAGE,
        )
    )
    return 0 if done.review.passed else 1
