"""Files that move between their digest and their reading: nothing is kept, and the file is named."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from mainline.config.loader import load
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


def removed(shop: Project) -> None:
    shop.path("data/visits.parquet").unlink()


def linked_elsewhere(shop: Project) -> None:
    path = shop.path("data/visits.parquet")
    os.rename(path, shop.path("data/aside"))
    path.symlink_to("aside")


MOVES: list[Callable[[Project], None]] = [
    replaced, written_in_place_with_its_old_time, replaced_and_put_back, appended, removed, linked_elsewhere,
]  # fmt: skip


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_no_frame_is_kept_of_a_table_that_moves(shop: Project, move: Callable[[Project], None]) -> None:
    workspace = Workspace.at(shop.root)
    job = training.begin(load(), workspace, Progress())
    move(shop)
    with pytest.raises(ExternalError, match=r"data\.sources\.visits: data/visits\.parquet was changed while the run"):
        training.train_validated(job, Idle())
    assert not workspace.records.exists()
    assert not list(workspace.frames.glob("*.parquet"))


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
