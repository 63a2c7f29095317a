"""CONTRIBUTING.md leads a newcomer to the right file: its map is true, and names alone answer sixteen questions."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
ROOT = TOP / "src" / "mainline"
TEXT = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")
WORD = re.compile(r"[a-z]+")

# What holds no meaning for a search, and what every question of this page has.
STOP = frozenset(
    WORD.findall(
        "a an and are as at be by can do does for from how if in is it its may must not of on only or same that the "
        "their this to what when where which with s each"
    )
)
# A newcomer's questions, in words of their own; any of the files is an answer.
QUESTIONS = {
    "Where is a row assigned to training or holdout?": ["data/split.py"],
    "Where is the non-inferiority margin applied?": ["evaluation/gates/margins.py"],
    "Which rows are compared, scored by both models?": ["evaluation/compare.py"],
    "Where does the baseline's code give its scores?": ["evaluation/baseline_scores.py"],
    "Where is an expectation suite run?": ["data/validation/run.py"],
    "Where does the alias of the champion move?": ["release/promotion.py"],
    "What happens when the deployed container does not answer on the Docker host?": ["release/targets/docker.py"],
    "Where does monitoring read the prediction log?": ["monitoring/prediction_log.py"],
    "What are the rules for opening a retraining pull request?": ["retraining/rules.py"],
    "What is in the fingerprint?": ["training/fingerprint.py"],
    "Where is the sentence of the headline made?": ["report/headline.py"],
    "How is the comment on GitHub posted?": ["github/comment/post.py"],
    "Where is drift measured?": ["training/drift.py"],
    "Where is the audit log written?": ["registry/audit_log.py"],
    "Which environment variables can be set?": ["config/environment.py"],
    "Where is the model exported to ONNX, and compared with the pipeline?": [
        "packaging/export.py",
        "packaging/onnx.py",
    ],
}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    part = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


MAP = rows("Where is it decided?")
ROOMS = {CODE.findall(room)[0]: decided for room, decided in rows("The rooms")}
TERMS = dict(rows("Terms"))


def modules() -> list[str]:
    paths = (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
    return sorted(path for path in paths if not path.rpartition("/")[2].startswith("__"))


def stem(word: str) -> str:
    """Enough of a word to know it again: `scored`, `scores` and `scoring` are one."""
    for ending in ("ing", "ed", "es", "e", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)[:7]
    return word[:7]


def words(text: str) -> set[str]:
    return {stem(word) for word in WORD.findall(text.lower().replace("_", " ")) if word not in STOP}


def explained(question: str) -> set[str]:
    """The words that the page's glossary uses for the terms of a question."""
    asked = words(question)
    return {word for term, meaning in TERMS.items() if words(term) & asked for word in words(meaning)} - asked


def ranked(question: str, files: Iterable[str]) -> list[str]:
    """Files as a reader tries them: by the words of the question in a file's name, its folders, and the room's line.

    A word weighs less the more files it could mean; what only the glossary says of a term counts for half.
    """
    listed = list(files)
    found = {file: places(file) for file in listed}
    asked = {**dict.fromkeys(explained(question), 0.5), **dict.fromkeys(words(question), 1.0)}
    rare = {
        word: math.log((1 + len(listed)) / (1 + sum(word in names for names, *_ in found.values()))) for word in asked
    }

    def score(file: str) -> float:
        name, folders, room = found[file]
        hits = sum(
            weight * rare[word] * (3 if word in name else 2 if word in folders else 1 if word in room else 0)
            for word, weight in asked.items()
        )
        return hits - 0.5 * len(name - asked.keys())  # a name that says more is of something more special

    return sorted(listed, key=lambda file: (-score(file), file))


def places(file: str) -> tuple[set[str], set[str], set[str]]:
    folder, _, name = file.rpartition("/")
    return words(name.removesuffix(".py")), words(folder), words(ROOMS.get(file.partition("/")[0], ""))


def defined(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def test_the_map_answers_twenty_questions_or_more() -> None:
    assert len(MAP) >= 20
    assert len({question for question, *_ in MAP}) == len(MAP)


@pytest.mark.parametrize("row", MAP, ids=lambda row: row[0])
def test_what_the_map_names_is_defined_in_the_file_that_it_names(row: list[str]) -> None:
    _, files, names = row
    pairs = list(zip(CODE.findall(files), CODE.findall(names), strict=True))
    assert pairs
    assert [(file, name) for file, name in pairs if not (ROOT / file).is_file() or name not in defined(file)] == []


def test_the_table_of_rooms_names_every_room_and_no_other() -> None:
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(("_", "py.typed"))}
    assert set(ROOMS) == there


def test_sixteen_questions_are_asked() -> None:
    assert len(QUESTIONS) == 16


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_newcomer_opens_the_right_file_first_by_names_alone(question: str) -> None:
    """The map is not read here: only the paths, the line of each room and the glossary."""
    assert ranked(question, modules())[0] in QUESTIONS[question]


@pytest.mark.parametrize(
    ("question", "file", "gesture"),
    [
        ("Where does the baseline's code give its scores?", "evaluation/baseline_scores.py", "otherside.py"),
        ("Where is a row assigned to training or holdout?", "data/split.py", "rows_of.py"),
        ("Where is the audit log written?", "registry/audit_log.py", "registry/book.py"),
    ],
)
def test_a_file_that_is_named_for_a_gesture_is_not_found(question: str, file: str, gesture: str) -> None:
    named = [gesture if module == file else module for module in modules()]
    assert ranked(question, named)[0] != gesture
