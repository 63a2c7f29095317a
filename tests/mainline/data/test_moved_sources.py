"""Files that move between their digest and their reading: nothing is kept, and the file is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mainline.config.loader import load
from mainline.data import collect
from mainline.data.sources.formats import Files
from mainline.errors import ExternalError
from mainline.runtime.progress import Progress
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from pipelines import training
from tests.pipelines.test_moved_sources import ruined
from tests.projects import Project


class Idle(Worker):
    """A worker process that is never asked for an answer."""

    def __init__(self) -> None:
        pass

    def submit(self, *_: object, **__: object) -> object:  # type: ignore[override]
        return None


def replaced(shop: Project) -> None:
    ruined(shop.path("data/new"))
    os.replace(shop.path("data/new"), shop.path("data/visits.parquet"))


def written_in_place_with_its_old_time(shop: Project) -> None:
    path = shop.path("data/visits.parquet")
    before = path.stat()
    ruined(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced_and_put_back(shop: Project) -> None:
    path, aside = shop.path("data/visits.parquet"), shop.path("data/aside")
    os.rename(path, aside)
    os.rename(aside, path)


def appended(shop: Project) -> None:
    with shop.path("data/visits.parquet").open("ab") as file:
        file.write(b"more")


def cut(path: Path) -> None:
    """In place, as by a copy that begins again over the file that is read."""
    os.truncate(path, path.stat().st_size * 2 // 3)


def parquet_cut(shop: Project) -> None:
    cut(shop.path("data/visits.parquet"))


def parquet_emptied(shop: Project) -> None:
    os.truncate(shop.path("data/visits.parquet"), 0)


def csv_cut(shop: Project) -> None:
    cut(shop.path("data/purchases.csv"))


def removed(shop: Project) -> None:
    shop.path("data/visits.parquet").unlink()


def linked_elsewhere(shop: Project) -> None:
    path = shop.path("data/visits.parquet")
    os.rename(path, shop.path("data/aside"))
    path.symlink_to("aside")


CHANGED = r"data\.sources\.(visits: data/visits\.parquet|purchases: data/purchases\.csv) was changed while the run"
MOVES: list[Callable[[Project], None]] = [
    replaced, written_in_place_with_its_old_time, replaced_and_put_back, appended, removed, linked_elsewhere,
    parquet_cut, parquet_emptied, csv_cut,
]  # fmt: skip


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_no_frame_is_kept_of_a_table_that_moves(shop: Project, move: Callable[[Project], None]) -> None:
    workspace = Workspace.at(shop.root)
    job = training.begin(load(), workspace, Progress())
    move(shop)
    with pytest.raises(ExternalError, match=CHANGED):
        training.train_validated(job, Idle())
    assert not workspace.records.exists()
    assert not list(workspace.frames.glob("*.parquet"))


@pytest.mark.slow
@pytest.mark.parametrize("cut", [parquet_cut, csv_cut])
def test_a_file_that_is_cut_while_it_is_validated_is_named_and_nothing_is_kept(
    shop: Project, cut: Callable[[Project], None]
) -> None:
    workspace = Workspace.at(shop.root)
    job = training.begin(load(), workspace, Progress())
    training.prepare(job)
    cut(shop)
    worker = Worker()
    try:
        with pytest.raises(ExternalError, match=CHANGED):
            training.train_validated(job, worker)
    finally:
        worker.stop()
    assert not workspace.records.exists()


@pytest.mark.parametrize(("table", "cut"), [("visits", parquet_cut), ("purchases", csv_cut)])
@pytest.mark.parametrize("when", ["read_layout", "known"])
def test_a_file_that_is_cut_while_it_is_collected_is_named(
    shop: Project, monkeypatch: pytest.MonkeyPatch, table: str, cut: Callable[[Project], None], when: str
) -> None:
    read = getattr(collect, when)

    def cut_before(connection: object, files: Files, *more: object) -> object:
        if files.table == table:
            cut(shop)
        return read(connection, files, *more)

    monkeypatch.setattr(collect, when, cut_before)

    def run() -> None:
        training.train_validated(training.begin(load(), Workspace.at(shop.root), Progress()), Idle())

    with pytest.raises(ExternalError, match=CHANGED):
        run()


def code(shop: Project) -> None:
    shop.write("src/shop/__init__.py", "ADDED = 1\n")


def new_code(shop: Project) -> None:
    shop.write("src/shop/more.py", "ADDED = 1\n")


def settings(shop: Project) -> None:
    shop.edit("params.yaml", ("threshold: 0.4", "threshold: 0.5"))


def suite(shop: Project) -> None:
    shop.edit("data/expectations/visits.yaml", ("max_value: 240", "max_value: 241"))


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (code, r"src/shop/__init__\.py was edited during the run"),
        (new_code, r"src/shop/more\.py was edited during the run"),
        (settings, r"params\.yaml was changed while the run was reading it"),
        (suite, r"visits\.yaml was changed while the run was reading it"),
    ],
)
def test_a_record_is_only_kept_under_the_code_and_settings_of_its_fingerprint(
    shop: Project, edit: Callable[[Project], None], named: str
) -> None:
    job = training.begin(load(), Workspace.at(shop.root), Progress())
    edit(shop)
    with pytest.raises(ExternalError, match=named):
        job.unmoved()
