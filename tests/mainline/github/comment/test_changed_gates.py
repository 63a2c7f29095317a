"""Whether a pull request changes what judges it, from patches as git writes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mainline.github.comment.changed_gates import changed, touches_gates
from tests.projects import EXAMPLE

PARAMS = EXAMPLE.read_text(encoding="utf-8")


def patch(folder: Path, before: str, after: str) -> str:
    """What GitHub's list of files shows: git's unified diff without the file's header."""
    (folder / "before").write_text(before, encoding="utf-8")
    (folder / "after").write_text(after, encoding="utf-8")
    called = ["git", "diff", "--no-index", "--no-color", "before", "after"]
    whole = subprocess.run(called, cwd=folder, capture_output=True, text=True, check=False).stdout
    return whole[whole.index("@@") :]


def edited(*changes: tuple[str, str]) -> str:
    text = PARAMS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    "changes",
    [
        [("max_iter: 200", "max_iter: 20")],
        [("until: 2013-10-01", "until: 2013-11-01")],
        [("      - visib\n", "      - visib\n      - gusts\n")],
        [("holdout: 1 month", "holdout: 2 months")],
        [("  threads: 1 ", "  threads: 2 ")],
        [("task: binary  ", "task: multiclass  ")],
        [("# Every choice", "# Each choice")],
        [("max_iter: 200", "max_iter: 20"), ("until: 2013-10-01", "until: 2013-11-01")],
        [("categorical: [carrier, origin, dest]", "categorical: [carrier, origin]")],
    ],
)
def test_a_change_of_the_model_is_no_change_of_the_gates(changes: list[tuple[str, str]], tmp_path: Path) -> None:
    assert not touches_gates(patch(tmp_path, PARAMS, edited(*changes)))


@pytest.mark.parametrize(
    "changes",
    [
        [("roc_auc: 0.015", "roc_auc: 0.100")],
        [("model_megabytes: 10", "model_megabytes: 1000")],
        [("  train_seconds: 120\n", "")],
        [("resamples: 2000", "resamples: 10")],
        [("blocks: date", "blocks: flight")],
        [("threshold: 0.3 ", "threshold: 0.9 ")],
        [("min_positives: 50", "min_positives: 5000")],
        [("\ngates:\n", "\nother:\n")],
        [("\ngates:\n", "\n'gates':\n")],
        [("\nsplit:\n", "\ngates: {train_seconds: 9999}\n\nsplit:\n")],
        [("  lead:\n", "train:\n  lead:\n")],
        [("max_iter: 200", "max_iter: &n 200")],
        [("max_iter: 200", 'max_iter: "200')],
        [("max_iter: 200", "<<: {max_iter: 20}")],
        [("\nsplit:\n", "\n? gates\n: {}\nsplit:\n")],
        [("  params:\n", "  params: {\n")],
        [("max_iter: 200", "max_iter: 20"), ("brier: 0.0075", "brier: 0.3")],
    ],
)
def test_a_change_of_the_gates_is_seen_however_it_is_made(changes: list[tuple[str, str]], tmp_path: Path) -> None:
    assert touches_gates(patch(tmp_path, PARAMS, edited(*changes)))


@pytest.mark.parametrize("width", [1, 5, 40])
def test_lines_far_from_their_key_belong_to_it_by_the_hunks_heading(width: int, tmp_path: Path) -> None:
    many = "gates:\n" + "".join(f"  gate_{n}: {n}\n" for n in range(width * 3)) + "train:\n" + "  x: 1\n" * 50
    assert touches_gates(patch(tmp_path, many, many.replace(f"gate_{width}: {width}", f"gate_{width}: 99")))
    assert not touches_gates(patch(tmp_path, many, many[: -len("  x: 1\n") * 20] + "  x: 2\n" * 20))


def test_a_patch_that_is_not_shown_is_held_to_change_them() -> None:
    assert touches_gates(None)
    assert touches_gates("")
    assert touches_gates("@@ -80,3 +80,3 @@\n-  a: 1\n+  a: 2\n"), "nobody knows where this is"


def test_files_that_judge_are_named_in_the_order_of_the_list(tmp_path: Path) -> None:
    names = [
        ".github/workflows/review.yml", "data/expectations/frame.yaml", "data/raw/weather.parquet", "docs/operate.md",
        "pipelines/training.py", "src/flights/features.py", "src/mainline/evaluation/gates/margins.py", "Makefile",
        "tests/x.py", "src/mainlined/x.py", "src/shop/extensions.py", "src/shop/extensions/gates.py",
        "src/shop/my_extensions.py",
    ]  # fmt: skip
    harmless = patch(tmp_path, PARAMS, edited(("max_iter: 200", "max_iter: 20")))
    files = [{"filename": name} for name in names] + [{"filename": "params.yaml", "patch": harmless}]
    assert changed(files) == [names[0], names[1], names[4], names[6], names[7], names[10], names[11]]
    gates = patch(tmp_path, PARAMS, edited(("brier: 0.0075", "brier: 0.3")))
    assert changed([{"filename": "params.yaml", "patch": gates}]) == ["params.yaml"]


def test_a_file_that_was_moved_away_still_judged() -> None:
    assert changed([{"filename": "old.yml", "previous_filename": ".github/workflows/review.yml"}]) == ["old.yml"]
    assert changed([{"filename": "other.yaml", "previous_filename": "params.yaml", "patch": ""}]) == ["params.yaml"]
