"""The command that reads every table of `data.sources` and reports what was read."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.cli.commands import about

if TYPE_CHECKING:
    from mainline.config.schema import Data
    from mainline.data.collect import Collected


def add(commands: Any) -> None:
    sources = commands.add_parser("sources", description=about("sources"))
    sources.set_defaults(command=sources_command)


def sources_command(call: argparse.Namespace) -> int:
    from mainline.runtime.workspace import Workspace

    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        from mainline.cli.settings import configured
        from mainline.data.collect import collect

        data = configured().settings.data
        print(*lines(data, collect(data, workspace.root, workspace.cache)), sep="\n")
    return 0


def lines(data: Data, tables: Mapping[str, Collected]) -> list[str]:
    """A line for each table, and below it what is no row of it."""
    from mainline.data.messages import forgotten, put_aside, too_late

    width = max(len(name) for name in tables)
    found = [f"before the data cutoff, {data.until} ({data.timezone}):"]
    for name, table in tables.items():
        period = f"{table.start[:10]} to {table.end[:10]}" if table.start and table.end else "no time"
        found.append(f"  {name:<{width}}  {table.rows:>11,} rows  {period:<24}  {table.digest[:16]}")
        said = table.messages
        more = [*(put_aside(name, said) if said else []), *forgotten(name, said)]
        found += [f"    {text}" for text in (*more, *too_late(name, said, data.sources[name].late_at_most))]
    return found
