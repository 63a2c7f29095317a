"""Asked before anything is installed: is the prediction log on this runner, or in a store?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mainline.config.schema import Monitor
from mainline.github.actions.log_in_reach import DEFAULT, is_out_of_sight, log_of
from tests.projects import TOP

SETTINGS = {
    "plain": "monitor:\n  log: logs/here\n",
    "with a comment": "a: 1\nmonitor:   # of the model\n  log: logs/here   # on the server\n  window: 1 month\nb: 2\n",
    "not first": "monitor:\n  window: 1 month\n\n  # where it is\n  log: s3://bucket/log#1\n",
    "in quotes": "monitor:\n    log: 'logs/it is here'\n",
    "in double quotes": 'monitor:\n  log: "s3://bucket/log"  # a store\n',
    "a store": "monitor:\n  log: abfs://container@account/log\n",
    "another section's": "monitor:\n  window: 1 month\nserve:\n  log: elsewhere\n",
    "deeper": "monitor:\n  labels:\n    log: elsewhere\n  window: 1 month\n",
    "deeper and first": "monitor:\n  labels: {log: elsewhere}\n  log: logs/here\n",
    "on one line": "monitor: {log: logs/here, window: 1 month}\n",
    "an anchor": "monitor:\n  log: &place logs/here\n",
    "a block": "monitor:\n  log: >-\n    logs/here\n",
    "a quoted name": "monitor:\n  'log': logs/here\n",
    "without": "task: binary\n",
    "of another name": "monitoring:\n  log: logs/here\n",
    "empty": "monitor:\ntask: binary\n",
    "at the end": "monitor:\n  log: logs/here",
}


@pytest.mark.parametrize("text", SETTINGS.values(), ids=SETTINGS.keys())
def test_it_is_read_as_yaml_reads_it_or_left_to_a_reader_of_yaml(text: str) -> None:
    section = yaml.safe_load(text).get("monitor") or {}
    assert log_of(text) in (None, section.get("log", DEFAULT))


def test_the_usual_ways_to_write_it_are_understood() -> None:
    for name in ("plain", "with a comment", "in quotes", "in double quotes", "another section's", "without", "deeper"):
        assert log_of(SETTINGS[name]) is not None, name
    example = (TOP / "tests" / "example.yaml").read_text(encoding="utf-8")
    assert log_of(example) == yaml.safe_load(example)["monitor"]["log"]
    assert Monitor().log == DEFAULT


def test_paths_from_the_root_are_folders_too(tmp_path: Path) -> None:
    assert not is_out_of_sight(tmp_path, str(tmp_path))
    assert is_out_of_sight(tmp_path, str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("settings", "reach"),
    [("plain", "false"), ("a store", "true"), ("an anchor", "true"), ("on one line", "true"), ("without", "false")],
)
def test_it_needs_no_package_and_says_what_is_out_of_reach(tmp_path: Path, settings: str, reach: str) -> None:
    (tmp_path / "params.yaml").write_text(SETTINGS[settings])
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", "mainline.github.actions.log_in_reach"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(TOP / "src"), "GITHUB_OUTPUT": str(tmp_path / "outputs"), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "outputs").read_text() == f"reach={reach}\n"
    assert (reach == "false") == ("::notice title=Monitor::monitor.log is " in done.stdout)
    assert (reach == "false") == (tmp_path / "reports" / "unseen.txt").exists()
