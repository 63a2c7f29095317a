from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from mainline.runtime import archives


def archive(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        for member in members:
            member.size = 4 if member.isfile() else 0
            tar.addfile(member, io.BytesIO(b"text") if member.isfile() else None)
    return path


def link(name: str, to: str) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = tarfile.SYMTYPE, to
    return found


@pytest.fixture(params=["with Python's filter", "without"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":  # as Python 3.11.3 and earlier
        monkeypatch.delattr(tarfile, "data_filter")


@pytest.mark.usefixtures("python")
def test_files_below_the_folder_are_unpacked(tmp_path: Path) -> None:
    with tarfile.open(archive(tmp_path / "a.tar", tarfile.TarInfo("model/MLmodel"))) as tar:
        archives.unpack(tar, tmp_path / "into")
    assert (tmp_path / "into" / "model" / "MLmodel").read_bytes() == b"text"


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize("member", [tarfile.TarInfo("../outside"), link("model", "/etc")])
def test_what_would_land_or_lead_outside_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    with tarfile.open(archive(tmp_path / "a.tar", member)) as tar, pytest.raises(tarfile.TarError):
        archives.unpack(tar, tmp_path / "into")
    assert not (tmp_path / "outside").exists()
