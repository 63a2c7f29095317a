"""`data/example.txt`, the list of the example's files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from mainline.config import loader, replaced_project
from mainline.init.writing import example
from mainline.runtime.file_digests import expand
from tests.projects import TOP


def files_of(place: Path) -> list[str]:
    """The files of a further model: what `make init` wrote, and its tables."""
    settings = loader.load(place / loader.FILE).settings
    tables = [str(path.relative_to(TOP)) for one in settings.data.sources.values() for path in expand(one.path, TOP)]
    written = place / replaced_project.FILE
    return [*(json.loads(written.read_text(encoding="utf-8"))["files"] if written.is_file() else ()), *tables]


def test_the_list_names_every_file_of_the_example_and_nothing_that_is_not_there() -> None:
    listed = example.files(TOP)
    others = [name for place in TOP.glob("models/*") for name in files_of(place)]
    folders = ["src", "data", "tests/data", "tests/flights", ":!src/mainline"]
    there = subprocess.run(["git", "ls-files", *folders], cwd=TOP, check=True, capture_output=True, text=True)
    assert [path for path in there.stdout.split() if path not in listed and path not in others] == []
    assert [path for path in example.listed(TOP) if not (TOP / path).exists()] == []
