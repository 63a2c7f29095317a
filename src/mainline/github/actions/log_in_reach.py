"""`python3 -m mainline.github.actions.log_in_reach`: whether this runner can read the prediction log of `monitor.log`.

Asked before anything is installed, so on the standard library alone. A log on the server's own disk is the usual first
state of a repository: its monitor would install a gigabyte every night to report that there is nothing to read.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mainline.github.actions import commands
from mainline.runtime import models

DEFAULT = models.AT_TOP.log
SECTION = re.compile(r"^monitor:[ \t]*(?:#.*)?$((?:\n(?:[ \t].*|#.*|[ \t]*$))*)", re.MULTILINE)
# A name with or without quotes; whatever else YAML allows is left to a reader of YAML.
LOG = re.compile(r"^( +)log: +(?:\"([^\"\\\n]+)\"|'([^'\n]+)'|([\w./][\w./~:=+-]*))[ \t]*(?:[ \t]#.*)?$", re.MULTILINE)
TITLE = "Monitor"


def main(arguments: Sequence[str] = (), environment: Mapping[str, str] = os.environ) -> int:
    root = Path(arguments[0] if arguments else ".")
    model = models.selected(environment)
    settings = root / model.params
    log = log_of(settings.read_text(encoding="utf-8"), model.log) if settings.is_file() else None
    away = log is not None and is_out_of_sight(root, log)
    if away:
        report(root / model.reports, str(log))
    commands.set_outputs(environment, reach="false" if away else "true")
    return 0


def log_of(settings: str, default: str = DEFAULT) -> str | None:
    """`monitor.log`, or its default; None where the text is written in a way that only a reader of YAML understands."""
    if not re.search(r"^monitor\b", settings, re.MULTILINE):
        return default
    section = SECTION.search(settings)
    if section is None:
        return None
    keys = [line for line in section[1].splitlines() if line.strip() and not line.lstrip().startswith("#")]
    depth = len(keys[0]) - len(keys[0].lstrip()) if keys else 0
    found = [one for one in LOG.finditer(section[1]) if len(one[1]) == depth]
    if found:
        return str(next(filter(None, found[0].groups()[1:])))
    named = any(re.match(rf"[ ]{{{depth}}}[\"']?log\b", line) for line in keys)
    return None if named else default


def is_out_of_sight(root: Path, log: str) -> bool:
    return "://" not in log and not (root / Path(log).expanduser()).exists()


def report(reports: Path, log: str) -> None:
    """Say it on the run's page, and to the job that writes the issue."""
    message = (
        f"monitor.log is {log}, a folder that is not on this runner: nothing was monitored, no issue is opened. "
        "If the server writes its log to a store (s3://, gs://, abfs://), set monitor.log to its address; "
        "or run `make monitor` on the server's machine."
    )
    commands.annotate("notice", TITLE, message)
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "unseen.txt").write_text(message + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
