"""The verb `monitor`."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any


def add(verbs: Any) -> None:
    monitor = verbs.add_parser("monitor", help="hold what was predicted against what the model was trained on")
    monitor.add_argument("--log", help="the folder or bucket of the prediction log (default: monitor.log)")
    monitor.add_argument("--model", help="the digest of the model to judge (default: the one that answered last)")
    monitor.add_argument("--metrics", type=Path, help="the text of the server's /metrics, in a file")
    monitor.add_argument("--now", type=moment, help="judge as of this time, ISO 8601 (default: the clock's)")
    monitor.set_defaults(verb=monitor_verb)


def monitor_verb(call: argparse.Namespace) -> int:
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
    """A time of the call; UTC where it names no zone."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no time such as 2013-12-31T23:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
