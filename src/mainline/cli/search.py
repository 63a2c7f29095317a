"""The command that searches for better parameters."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import os
import sys
from pathlib import Path
from typing import Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError

MINUTES = 20.0


def add(commands: Any) -> None:
    search = commands.add_parser("search", description=about("search"))
    search.add_argument("--minutes", type=float, default=MINUTES, help="how long to search (default: 20)")
    search.set_defaults(command=search_command)


def search_command(call: argparse.Namespace) -> int:
    if not (math.isfinite(call.minutes) and call.minutes > 0):
        raise ConfigurationError(f"MINUTES={call.minutes:g} is no length of time: give minutes, such as MINUTES=20")
    from mainline.cli.settings import configured
    from mainline.github.actions import commands
    from mainline.runtime.progress import Progress
    from mainline.runtime.workspace import Workspace

    params = configured()
    workspace = Workspace.at(Path.cwd())
    from pipelines import search

    asked = search.Asked(call.minutes * 60, dt.datetime.now(dt.UTC))
    done = search.search(params, workspace, asked, Progress.on_terminal(), lambda text: print(text, file=sys.stderr))
    from mainline.search.terminal import summary

    print(summary(done.found))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        commands.annotate("notice" if done.status == 0 else "warning", "Search", done.proposal.message)
    return done.status
