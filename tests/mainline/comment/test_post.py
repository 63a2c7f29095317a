"""One comment, the right one, however GitHub and CML are that day."""

from __future__ import annotations

from tests.mainline.comment.scene import Scene


def test_the_report_is_posted(scene: Scene) -> None:
    pull = scene.repository.pull()
    assert scene.woken(scene.reviewed(pull)) == 0
    print(scene.body(pull), scene.summary)
    assert 0
