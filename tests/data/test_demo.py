"""`data/demo.yaml` against the files that it speaks of."""

from __future__ import annotations

from mainline.demo import script
from mainline.demo.script import edited
from tests.projects import EXAMPLE, TOP


def test_the_examples_script_fits_its_params() -> None:
    told = script.read(TOP / script.FILE)
    text = edited(EXAMPLE.read_text(encoding="utf-8"), told.settings)
    for change in (told.worse, told.bad_release):
        assert edited(text, change.edits) != text
    starts = [start for start, _ in told.spans()]
    assert told.bad_release.at in starts
    assert told.bad_data.at in starts
    assert (TOP / told.bad_data.file).is_file()
