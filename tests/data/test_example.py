"""`data/example.txt`, the list of the example's files."""

from __future__ import annotations

import subprocess

from mainline.init.writing import example
from tests.projects import TOP


def test_the_list_names_every_file_of_the_example_and_nothing_that_is_not_there() -> None:
    listed = example.files(TOP)
    folders = ["src", "data", "tests/data", "tests/flights", ":!src/mainline"]
    there = subprocess.run(["git", "ls-files", *folders], cwd=TOP, check=True, capture_output=True, text=True)
    assert [path for path in there.stdout.split() if path not in listed] == []
    assert [path for path in example.listed(TOP) if not (TOP / path).exists()] == []
