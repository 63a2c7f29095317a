"""The command that measures the non-inferiority margins."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError


def add(commands: Any) -> None:
    margins = commands.add_parser("margins", description=about("margins"))
    margins.add_argument("--models", type=int, default=6, help="equal models to train for each holdout (default: 6)")
    margins.add_argument("--windows", type=int, default=3, help="holdouts, each one earlier (default: 3)")
    margins.add_argument("--write", action="store_true", help="set gates.margins in params.yaml to what was measured")
    margins.set_defaults(command=margins_command)


def margins_command(call: argparse.Namespace) -> int:
    if call.models < 2 or call.windows < 1:
        raise ConfigurationError("at least two models and one holdout are needed")
    from mainline.runtime.workspace import Workspace

    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        from mainline.cli.settings import configured
        from mainline.runtime.progress import Progress

        params = configured()
        from pipelines import margins

        progress = Progress.on_terminal()
        found = margins.margins(params, workspace, progress, models=call.models, windows=call.windows)
        print("gates:\n  margins:")
        for one in found:
            now = params.settings.gates.margins.get(one.metric)
            print(f"    {one.metric}: {one.margin:g}  # {one}" + (f"; now {now:g}" if now else ""))
        if call.write:
            missing = margins.write(params, workspace, found)
            print(f"written to {params.file}" + (f", but not {', '.join(missing)}" if missing else ""))
    return 0
