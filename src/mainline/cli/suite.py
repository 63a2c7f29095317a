"""An expectation suite from a schema that another tool has written."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError


def add(commands: Any) -> None:
    suite = commands.add_parser("suite", description=about("suite"))
    suite.add_argument("schema", type=Path, help="schema.pbtxt of TensorFlow Data Validation")
    suite.add_argument("--table", required=True, help="the source that the suite is of, or frame")
    suite.add_argument("--replace", action="store_true", help="replace a suite that is there")
    suite.set_defaults(command=suite_command)


def suite_command(call: argparse.Namespace) -> int:
    from mainline.config import loader
    from mainline.data.validation import tfdv
    from mainline.runtime.atomic_files import write_text

    data = loader.load().settings.data
    if call.table not in (*data.sources, "frame"):
        raise ConfigurationError(f"no table is called {call.table}: there are {', '.join([*data.sources, 'frame'])}")
    target = Path(data.expectations) / f"{call.table}.yaml"
    if target.exists() and not call.replace:
        raise ConfigurationError(f"{target} exists: --replace (REPLACE=1) replaces it")
    try:
        text = call.schema.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{call.schema} cannot be read: {error}") from None
    made = tfdv.suite(text, call.table, call.schema.name)
    write_text(target, made.text)
    for line in made.left_out:
        print(f"not taken: {line}", file=sys.stderr)
    print(target)
    return 0
