"""The command `ship`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError


def add(commands: Any) -> None:
    ship = commands.add_parser("ship", description=about("ship"))
    ship.add_argument(
        "--spool",
        type=Path,
        default=os.environ.get("MAINLINE_LOG") or None,
        help="folder of the server's log (default: MAINLINE_LOG)",
    )
    ship.add_argument("--to", help="folder, or s3://, gs://, abfs:// (default: monitor.log of params.yaml)")
    ship.add_argument("--every", type=float, metavar="SECONDS", help="repeat every SECONDS seconds until SIGTERM")
    ship.set_defaults(command=ship_command)


def ship_command(call: argparse.Namespace) -> int:
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
        raise ConfigurationError(f"{spool} does not exist: name the folder of the server's MAINLINE_LOG")
    to = destination.at(log(call), Path.cwd())
    print(f"{shipping.ship_once(spool, to)} landed in {to.name}")
    return 0


def log(call: argparse.Namespace) -> str:
    if call.to:
        return str(call.to)
    from mainline.config import loader

    return loader.load().settings.monitor.log
