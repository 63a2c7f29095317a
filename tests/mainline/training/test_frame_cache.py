"""What is kept of a frame is what was computed of it, and of nothing else."""

from __future__ import annotations

from pathlib import Path

from mainline.config.schema import Settings
from mainline.training import frame_cache
from mainline.training.frame_cache import FrameCache
from tests.mainline.settings import params

SETTINGS = params().settings


def changed(**sections: dict[str, object]) -> Settings:
    plain = SETTINGS.model_dump(mode="json", exclude_unset=True)
    return Settings.model_validate({**plain, **{name: {**plain[name], **more} for name, more in sections.items()}})


def test_it_is_computed_once_for_all_models_of_a_frame(tmp_path: Path) -> None:
    asked: list[str] = []

    def get(settings: Settings = SETTINGS, frame: str = "a", given: str = "", name: str = "n") -> dict[str, float]:
        def compute() -> dict[str, float]:
            asked.append(frame)
            return {"of": len(asked) / 3, "inf": float("inf")}

        found: dict[str, float] = FrameCache(tmp_path, frame, settings).get(name, compute, given)
        return found

    first = get()
    assert first == get() == get(changed(train={"params": {"max_iter": 7}}))
    assert len(asked) == 1
    others = [
        get(frame="b"), get(changed(compare={"min_rows": 7})), get(changed(train={"seed": 7})), get(given="another"),
        get(name="m"),
    ]  # fmt: skip
    assert len(asked) == 6
    assert first not in others
    for damage in (b"{", b"\xff\xfe"):
        for file in tmp_path.glob("n-*"):
            file.write_bytes(damage)
        assert get() != first
        assert get() == get()


def test_other_code_computes_again(tmp_path: Path) -> None:
    def digest(text: str, room: str) -> str:
        path = tmp_path / text / room / "deep" / "module.py"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        return frame_cache.code_digest(tmp_path / text)

    assert digest("a", "training") != digest("b", "training")
    assert digest("c", "cli") == digest("d", "cli"), "what computes nothing of a frame"
    assert len([*(frame_cache.PACKAGE / "training").glob("*.py")]) > 10


def test_without_a_folder_nothing_is_kept() -> None:
    values = iter([1, 2])
    cache = FrameCache(None, "a", SETTINGS)
    assert [cache.get("n", lambda: next(values)) for _ in range(2)] == [1, 2]
