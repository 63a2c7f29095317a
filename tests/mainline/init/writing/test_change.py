"""Several files as one change."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.errors import ExternalError
from mainline.init.writing import change


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in root.rglob("*")
        if path.is_file() and ".mainline" not in path.parts
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("params.yaml", "src/shop/frame.py", "src/shop/old/one.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before", encoding="utf-8")
    return tmp_path


def test_files_are_written_and_removed_and_empty_folders_go(root: Path) -> None:
    (root / "src/shop/old/__pycache__").mkdir()
    with change.applied(root, {"params.yaml": "after", "src/new/frame.py": "new"}, ["src/shop/old/one.py"]):
        pass
    assert files(root) == {"params.yaml": "after", "src/new/frame.py": "new", "src/shop/frame.py": "before"}
    assert not (root / "src/shop/old").exists()


def test_where_one_cannot_be_written_every_file_is_as_it_was(root: Path) -> None:
    (root / "taken").mkdir()
    (root / "taken" / "here.txt").write_text("before", encoding="utf-8")
    before = files(root)
    with (
        pytest.raises(ExternalError),
        change.applied(root, {"params.yaml": "after", "src/new/frame.py": "new", "taken": "a folder"}, before),
    ):
        pass
    assert files(root) == before
    assert not (root / "src/new").exists()


def test_where_one_cannot_be_removed_those_that_were_are_back(root: Path) -> None:
    before = files(root)
    with (
        pytest.raises(ExternalError),
        change.applied(root, {"params.yaml": "after"}, ["src/shop/frame.py", "src/shop/old"]),
    ):
        pass
    assert files(root) == before


def test_a_failure_after_the_change_takes_it_back(root: Path) -> None:
    before = files(root)
    with pytest.raises(ValueError, match="the run failed"), change.applied(root, {"params.yaml": "after"}):
        raise ValueError("the run failed")
    assert files(root) == before
