"""The rooms of `src/mainline` and their order: who may import whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imports import ROOMS, TOP, Imports, circle, imports, room, upward

ROOT = {"__init__.py", "__main__.py", "errors.py", "py.typed"}

# What a room must not import although the order alone would allow it.
FORBIDDEN = {
    "serving": [f"mainline.{name}" for name in ROOMS if name not in ("errors", "serving")],
    "registry": ["mainline.evaluation.review"],
}


@pytest.fixture(scope="module")
def found() -> Imports:
    return imports()


def test_nothing_is_at_the_root_of_the_package_but_rooms() -> None:
    there = {path.name for path in (TOP / "src" / "mainline").iterdir() if path.name != "__pycache__"}
    assert there == ROOT | (set(ROOMS) - {"errors"})


def test_no_modules_import_each_other_in_a_circle(found: Imports) -> None:
    assert circle(found) == []


def test_a_room_imports_lower_rooms_only(found: Imports) -> None:
    assert upward(found) == []


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_room_does_not_import_what_is_not_its_concern(name: str, found: Imports) -> None:
    known = [
        f"{module} -> {other}"
        for module, others in found.items()
        for other in sorted(others)
        for forbidden in FORBIDDEN[name]
        if room(module) == name and (other == forbidden or other.startswith(f"{forbidden}."))
    ]
    assert known == []


def test_nothing_imports_the_command_line(found: Imports) -> None:
    users = {module for module, others in found.items() if any(room(other) == "cli" for other in others)}
    assert {module for module in users if room(module) != "cli"} == {"mainline.__main__"}


def test_only_the_command_line_imports_pipelines(found: Imports) -> None:
    users = {
        module
        for module, others in found.items()
        if module.startswith("mainline.") and any(other.startswith("pipelines") for other in others)
    }
    assert {room(module) for module in users} == {"cli"}


def test_the_tests_mirror_the_rooms() -> None:
    tests, source = TOP / "tests" / "mainline", TOP / "src" / "mainline"
    folders = {str(path.parent.relative_to(tests)) for path in tests.rglob("test_*.py")}
    assert {folder for folder in folders if not (source / folder).is_dir()} == set()


def test_a_circle_and_an_import_of_a_higher_room_are_found(tmp_path: Path) -> None:
    files = {
        "src/mainline/config/schema.py": "def read():\n    from mainline.cli import main\n",
        "src/mainline/cli/main.py": "import mainline.cli.parser\n",
        "src/mainline/cli/parser.py": "if TYPE_CHECKING:\n    import mainline.cli.main\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = imports(tmp_path)
    assert upward(found) == ["mainline.config.schema -> mainline.cli.main"]
    assert set(circle(found)) == {"mainline.cli.main", "mainline.cli.parser"}
