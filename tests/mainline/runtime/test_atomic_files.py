from __future__ import annotations

from pathlib import Path

import pytest

from mainline.errors import ExternalError
from mainline.runtime.atomic_files import replacing, write_text


def stop_half_way(target: Path) -> None:
    with replacing(target) as part:
        part.write_text("half of")
        raise KeyboardInterrupt


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "below" / "file"
    write_text(target, "before")
    with pytest.raises(KeyboardInterrupt):
        stop_half_way(target)
    assert target.read_text() == "before"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExternalError, match="file: File exists"):
        write_text(tmp_path / "file" / "below", "")
