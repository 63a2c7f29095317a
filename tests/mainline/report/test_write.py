"""The files of a run, made here or with the page made in the worker."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mainline.errors import ExternalError
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.review import ReviewedRows
from mainline.report import write
from mainline.runtime.progress import Progress
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from tests.mainline.report import samples

pytestmark = pytest.mark.slow


@pytest.fixture
def found() -> ReviewedRows:
    review, curves = samples.flights(), samples.curves()
    assert curves.baseline is not None
    blocks = (curves.y * 0).astype("int64")
    return ReviewedRows(
        review,
        Labelled(
            curves.y, curves.candidate.astype(float), curves.baseline.astype(float), blocks, pd.DataFrame(), [0, 1]
        ),
    )


def test_the_page_is_the_same_wherever_it_is_made(found: ReviewedRows, tmp_path: Path) -> None:
    worker, pages = Worker(), {}
    try:
        worker.submit(write.load_libraries)
        ways = {"here": {}, "drawn": {"plots": write.plots_of_scores(found)}, "worker": {"worker": worker}}
        for name, how in ways.items():
            workspace = Workspace.at(tmp_path / name)
            paths = write.reports(found, workspace, Progress(), **how)  # type: ignore[arg-type]
            assert [Path(path).name for path in paths] == ["report.md", "report.html", "verdict.json"]
            pages[name] = Path(paths[1]).read_text(encoding="utf-8")
            assert not workspace.state.exists() or not list(workspace.state.iterdir())
    finally:
        worker.stop()
    assert pages["here"] == pages["drawn"] == pages["worker"]
    assert pages["here"].count('class="plot"') > 3


def test_what_fails_in_the_worker_is_said_and_no_verdict_is_written(found: ReviewedRows, tmp_path: Path) -> None:
    worker, workspace = Worker(), Workspace.at(tmp_path)
    try:
        worker.process.kill()
        with pytest.raises(ExternalError, match="the worker process stopped"):
            write.reports(found, workspace, Progress(), worker=worker)
    finally:
        worker.stop()
    assert not (workspace.reports / "verdict.json").exists()
    assert not list(workspace.state.iterdir())
