"""The verb `ship`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError


def add(verbs: Any) -> None:
    ship = verbs.add_parser("ship", help="bring the server's log of predictions and labels to monitor.log, as Parquet")
    ship.add_argument(
        "--spool", type=Path, default=os.environ.get("MAINLINE_LOG") or None, help="the server's MAINLINE_LOG"
    )
    ship.add_argument("--to", help="a folder, or s3://, gs://, abfs:// (default: monitor.log of params.yaml)")
    ship.add_argument("--every", type=float, metavar="SECONDS", help="go on until SIGTERM, so often")
    ship.set_defaults(verb=ship_verb)


def ship_verb(call: argparse.Namespace) -> int:
    from mainline.monitoring.shipping import destination
    from mainline.monitoring.shipping import ship as shipping

    if call.spool is None:
        raise ConfigurationError("ship: the server's folder is needed: --spool FOLDER, or MAINLINE_LOG")
    spool = Path(call.spool)
    if call.every is not None:
        if call.every <= 0:
            raise ConfigurationError(f"ship --every {call.every:g}: a number of seconds above 0 is needed")
        return shipping.follow(spool, lambda: destination.at(log(call), Path.cwd()), call.every)
    if not spool.is_dir():
        raise ConfigurationError(f"{spool} is not here: it is the folder that the server's MAINLINE_LOG names")
    to = destination.at(log(call), Path.cwd())
    print(f"{shipping.ship_once(spool, to)} landed in {to.name}")
    return 0


def log(call: argparse.Namespace) -> str:
    if call.to:
        return str(call.to)
    from mainline.config import loader

    return loader.load().settings.monitor.log
