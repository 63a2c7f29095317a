"""`mainline demo` on the shop: each kind of event once, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.bounds import HANG, happens
from tests.pipelines.shops import LEAN
from tests.platforms import linux
from tests.projects import Project, Result, visits

pytestmark = pytest.mark.slow

SCRIPT = """\
start: 2026-02-02
period: 2 weeks
periods: 2
worse:
  why: One tree
  edits: [{old: "max_iter: 30", new: "max_iter: 1"}]
bad_data:
  at: 2026-02-02
  why: Minutes as seconds
  file: data/visits.parquet
  replace:
    minutes: if("at" >= TIMESTAMPTZ '{since} 00:00:00+00', minutes * 60, minutes)
bad_release:
  at: 2026-02-16
  days: 6
  why: Weigh purchases up
  edits:
    - {old: "early_stopping: false", new: "early_stopping: false, class_weight: {0: 1, 1: 30}"}
    - {old: "brier: 0.01", new: "brier: 0.9"}
    - {old: "calibration_error: 0.15", new: "calibration_error: 0.9"}
    - {old: "at_most: 0.2", new: "at_most: 0.9"}
    - {old: "roc_auc: 0.05 ", new: "roc_auc: 0.5 "}
    - {old: "margin: 0.05}", new: "margin: 0.5}"}
"""
# What a period of two weeks can show, and when it is complete.
GATES = (("roc_auc: 0.02 ", "roc_auc: 0.05 "), ("gates:\n", "retrain: {lag: 2 days}\ngates:\n"))


def shop(root: Path) -> Project:
    """A shop whose visitors stay longer from February on."""
    project = Project(root, with_git=False)
    project.edit("params.yaml", *LEAN, *GATES)
    project.write("data/demo.yaml", SCRIPT)
    rows = visits()
    late = rows["at"] >= "2026-02-02"
    project.data(rows.assign(minutes=np.where(late, (rows["minutes"] * 1.5).clip(upper=200), rows["minutes"])))
    project.init()
    project.commit("The shop")
    return project


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Result]:
    project = shop(tmp_path_factory.mktemp("demo") / "shop")
    project.write("notes.txt", "not committed\n")
    return project, project.mainline("demo", "--local")


def test_each_kind_of_event_is_shown_with_the_status_of_its_command(played: tuple[Project, Result]) -> None:
    _, said = played
    assert said.status == 0, said.err + said.out
    told = [line for line in said.out.splitlines() if line.startswith("  2026")]
    expected = [
        r"02-02  · clone",
        r"02-02  ✓ release .* version 1: ",
        r"02-02  ✗ pull request .*“One tree”: worse; failed: margin: .*\(exit 1\)",
        r"02-02  · traffic .* 1,\d+ rows predicted by version 1, 1,\d+ labels sent",
        r"02-16  ! monitor .*(drift|decay): .*\(exit 1\)",
        r"02-16  ✗ bad data .*“Minutes as seconds”: .*visits.*\(exit 3\)",
        r"02-16  ✓ retraining .*retrain/2026-02-16: ",
        r"02-16  ✓ release .*until 2026-02-16 is version 2",
        r"02-16  ✓ release .*“Weigh purchases up” is version 3",
        r"02-16  · traffic .* predicted by version 3",
        r"02-22  ! monitor .*calibration error.*\(exit 1\)",
        r"02-22  ! rollback .*version 2 is in production again",
        r"02-22  · traffic .* predicted by version 2",
        r"03-02  . monitor ",
    ]
    assert len(told) == len(expected), said.out
    for line, pattern in zip(told, expected, strict=True):
        assert re.search(pattern, line), f"{line!r} is not {pattern!r}"


def test_the_page_shows_both_models_and_its_links_lead_somewhere(played: tuple[Project, Result]) -> None:
    project, said = played
    page = project.path("reports/demo/demo.html")
    assert said.out.endswith("reports/demo/demo.html\n")
    text = page.read_text(encoding="utf-8")
    assert "frozen first model" in text
    links = re.findall(r'href="([^"#]+)"', text)
    assert len(links) >= 4
    assert all((page.parent / link).is_file() for link in links)
    assert "://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text), "it opens offline"


def test_the_checkout_and_its_own_state_stay_as_they_are(played: tuple[Project, Result]) -> None:
    project, _ = played
    assert project.git("status", "--porcelain") == "?? notes.txt"
    assert project.git("rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert project.git("branch", "--list", "--format=%(refname:short)") == "main"
    assert [path.name for path in project.path(".mainline").iterdir() if path.is_dir()] == ["demo"]
    clone = project.root / ".mainline/demo/checkout"
    assert "Merge retrain/2026-02-16" in project.git("-C", str(clone), "log", "--oneline", "main")


@linux
def test_no_process_is_left_behind(played: tuple[Project, Result]) -> None:
    project, _ = played
    assert running(project.root) == []


@linux
def test_interrupted_it_ends_what_it_has_started_and_says_so(tmp_path: Path) -> None:
    project = shop(tmp_path / "shop")
    process = project.start("demo", "--local")
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    assert any("clone" in line for line in lines)
    assert happens(lambda: running(project.root / ".mainline")), "no command is at work in the clone"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode == 130, err
    assert "stopped" in err
    # A fork of the warm process ends right after the command whose work it did.
    assert happens(lambda: not running(project.root)), running(project.root)


def running(folder: Path) -> list[str]:
    """The processes at work below a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where = os.readlink(entry / "cwd")
            except OSError:
                continue
            if Path(where).is_relative_to(folder):
                found.append(f"{entry.name} {where}")
    return found


def test_a_script_that_does_not_fit_params_is_refused_by_name(tmp_path: Path) -> None:
    project = shop(tmp_path / "shop")
    project.edit("data/demo.yaml", ("max_iter: 30", "max_itre: 30"))
    project.commit("A slip")
    said = project.mainline("demo", "--local")
    assert said.status == 2
    assert "data/demo.yaml replaces 'max_itre: 30', which does not occur in params.yaml" in said.err
    assert "release" not in said.out, "before anything is trained"
