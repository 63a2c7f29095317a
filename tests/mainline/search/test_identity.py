"""Another space, other data or other settings are another study; what judges alone is not."""

from __future__ import annotations

import os
from pathlib import Path

from mainline.search import identity
from mainline.search.study import JOURNAL
from mainline.training.fingerprint import fingerprint
from tests.mainline.search.spaces import SEARCH, params


def parts(*changes: tuple[str, str], tables: str = "a") -> dict[str, str]:
    settings = params(SEARCH, *changes).settings
    return identity.parts(settings, fingerprint(Path.cwd(), settings, {"visits": tables}))


def test_what_has_changed_since_the_last_search_is_named(tmp_path: Path) -> None:
    before = parts()
    assert identity.changed(tmp_path, before) == []
    identity.remember(tmp_path, before)
    assert identity.changed(tmp_path, parts(("high: 60", "high: 90"))) == ["space"]
    assert identity.changed(tmp_path, parts(("max_iter: 30", "max_iter: 31"))) == ["settings"]
    assert identity.changed(tmp_path, parts(("model_megabytes: 5", "model_megabytes: 6"))) == ["limits of the gates"]
    assert identity.changed(tmp_path, parts(tables="b")) == ["data"]
    assert identity.name(before) != identity.name(parts(tables="b"))


def test_processes_and_thresholds_of_the_review_are_the_same_study() -> None:
    same = parts(("  folds: 3\n", "  folds: 3\n  processes: 7\n"), ("    roc_auc: 0.02 ", "    roc_auc: 0.04 "))
    assert same == parts()


def test_of_old_studies_the_newest_are_kept(tmp_path: Path) -> None:
    names = [f"{number:016x}" for number in range(8)]
    for number, name in enumerate(names):
        (tmp_path / name).mkdir()
        (tmp_path / name / JOURNAL).touch()
        os.utime(tmp_path / name / JOURNAL, (number, number))
    (tmp_path / "last.json").touch()
    identity.prune(tmp_path, names[1])
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [names[1], *names[4:]]
    assert (tmp_path / "last.json").exists()
