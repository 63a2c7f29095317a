from __future__ import annotations

import os
import subprocess
from pathlib import Path

from mainline.monitoring import window


def test_what_a_killed_monitor_has_left_is_removed_and_what_a_running_one_writes_stays(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    killed, running = tmp_path / str(ended.pid), tmp_path / str(os.getppid())
    for folder in (killed, running):
        folder.mkdir()
        (folder / "labelled-0.parquet").write_text("rows")
    (tmp_path / "left.tmp").write_text("rows")
    with window.spilling(tmp_path) as own:
        (own / "labelled-0.parquet").write_text("rows")
        assert {path.name for path in tmp_path.iterdir()} == {running.name, own.name}
    assert [path.name for path in tmp_path.iterdir()] == [running.name]
