"""What is kept of a frame is what was computed of it, and of nothing else."""

from __future__ import annotations

from pathlib import Path

from mainline.config.schema import Settings
from mainline.training import label_coverage, sample
from mainline.training.frame_answers import Answers
from tests.mainline.settings import params

SETTINGS = params().settings


def changed(**sections: dict[str, object]) -> Settings:
    plain = SETTINGS.model_dump(mode="json", exclude_unset=True)
    return Settings.model_validate({**plain, **{name: {**plain[name], **more} for name, more in sections.items()}})


def test_an_answer_is_computed_once_for_all_models_of_a_frame(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(
        settings: Settings = SETTINGS, frame: str = "a", code: object = label_coverage, given: str = "", name: str = "n"
    ) -> dict[str, float]:
        def compute() -> dict[str, float]:
            asked.append(frame)
            return {"of": len(asked) / 3, "nan": float("inf")}

        found: dict[str, float] = Answers(tmp_path, frame, settings).of(name, compute, code, given=given)  # type: ignore[arg-type]
        return found

    first = answer()
    assert first == answer() == answer(changed(train={"params": {"max_iter": 7}}))
    assert len(asked) == 1
    others = [
        answer(frame="b"), answer(changed(compare={"min_rows": 7})), answer(changed(train={"seed": 7})),
        answer(code=sample), answer(given="another"), answer(name="m"),
    ]  # fmt: skip
    assert len(asked) == 7
    assert first not in others
    for file in tmp_path.glob("n-*"):
        file.write_text("{", encoding="utf-8")  # a damaged one is computed again
    assert answer() != first


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    answers = iter([1, 2])
    known = Answers(None, "a", SETTINGS)
    assert [known.of("n", lambda: next(answers)) for _ in range(2)] == [1, 2]
