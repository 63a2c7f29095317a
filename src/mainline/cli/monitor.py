"""The command `monitor`."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

from mainline.cli.commands import about
from mainline.cli.selection import FORMER


def add(commands: Any) -> None:
    monitor = commands.add_parser("monitor", description=about("monitor"))
    monitor.add_argument("--log", help="folder or bucket of the prediction log (default: monitor.log of params.yaml)")
    monitor.add_argument(
        "--digest",
        *FORMER,
        dest="model",
        help="digest of the model to check (default: the model of the last prediction)",
    )
    monitor.add_argument("--metrics", type=Path, help="file with the text of the server's /metrics")
    monitor.add_argument("--now", type=moment, help="time to assume, ISO 8601 (default: now)")
    monitor.set_defaults(command=monitor_command)


def monitor_command(call: argparse.Namespace) -> int:
    from mainline.cli.settings import configured
    from mainline.runtime.workspace import Workspace

    settings = configured().settings
    from mainline.monitoring import report
    from pipelines import monitoring

    asked = monitoring.Asked(call.log, call.model, call.metrics, call.now)
    health = monitoring.monitor(settings, Workspace.at(Path.cwd()), asked)
    print(report.terminal(health))
    return health.status


def moment(text: str) -> dt.datetime:
    """A time; UTC where it names no zone."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a time such as 2013-12-31T23:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
