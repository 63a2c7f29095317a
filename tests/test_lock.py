"""`uv.lock` on the machines that docs/operate.md calls supported: a wheel of every package that a project needs."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from tests.projects import TOP

# Tags of wheels by machine; what runs nowhere else is left out of the lock by its markers.
MACHINES: dict[str, Callable[[str], Any]] = {
    "Linux x86-64": re.compile(r"manylinux\w*_x86_64").search,
    "Linux arm64": re.compile(r"manylinux\w*_aarch64").search,
    "Apple silicon": re.compile(r"macosx_(\d+)_\d+_(arm64|universal2)").search,
}
ELSEWHERE = {"pywin32", "waitress", "colorama"}  # of Windows
GROUPS = ("train", "export", "stage")


@functools.cache
def lock() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads((TOP / "uv.lock").read_text(encoding="utf-8"))["package"]:
        found.setdefault(package["name"], []).append(package)
    return found


def needed(packages: dict[str, list[dict[str, Any]]]) -> set[str]:
    """The names that the groups of a project reach."""
    own = next(
        each for several in packages.values() for each in several if {"editable", "virtual"} & each["source"].keys()
    )
    todo = [each["name"] for group in GROUPS for each in own["dev-dependencies"][group]]
    todo += [each["name"] for each in own["dependencies"]]
    reached: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [each["name"] for package in packages[name] for each in package.get("dependencies", [])]
    return reached - ELSEWHERE


@pytest.mark.parametrize("machine", MACHINES)
def test_every_package_has_a_wheel_for(machine: str) -> None:
    packages = lock()
    without = []
    for name in sorted(needed(packages)):
        wheels = [wheel["url"].rsplit("/", 1)[1] for package in packages[name] for wheel in package.get("wheels", [])]
        if not any(wheel.endswith("-any.whl") or MACHINES[machine](wheel) for wheel in wheels):
            without.append(name)
    assert without == []


def without_wheel(minor: int, machine: str) -> list[str]:
    """The packages of a project that `uv.lock` names no wheel of for this Python and machine."""
    packages = lock()
    missing = []
    for name in sorted(needed(packages)):
        wheels = [wheel["url"].rsplit("/", 1)[1] for package in packages[name] for wheel in package.get("wheels", [])]
        fitting = [wheel for wheel in wheels if wheel.endswith("-any.whl") or MACHINES[machine](wheel)]
        if not any(runs_on(wheel, minor) for wheel in fitting):
            missing.append(name)
    return missing


def runs_on(wheel: str, minor: int) -> bool:
    """By the wheel's tags: of this Python, of any one, or of the stable interface since an earlier one."""
    _, pythons, interface, _ = wheel.removesuffix(".whl").rsplit("-", 3)
    if interface == "abi3":
        return any(int(found) <= minor for found in re.findall(r"cp3(\d+)", pythons))
    return pythons.startswith("py") or (f"cp3{minor}" in pythons.split(".") and not interface.endswith("t"))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_every_package_has_a_wheel_for_every_python_that_the_template_names(minor: int, machine: str) -> None:
    assert without_wheel(minor, machine) == []


def test_a_python_without_wheels_is_one_that_the_template_refuses() -> None:
    assert "numpy" in without_wheel(15, "Linux x86-64")


def test_python_ends_where_the_wheels_end() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.15"
    assert "Python 3.11 to 3.14" in (TOP / "README.md").read_text(encoding="utf-8")
    newest = max(int(minor) for minor in re.findall(r"-cp3(\d+)-cp3\d+-manylinux", (TOP / "uv.lock").read_text()))
    assert newest >= 14


def test_intel_macs_get_the_last_onnxruntime_that_has_a_wheel() -> None:
    wheels = {package["version"]: [wheel["url"] for wheel in package["wheels"]] for package in lock()["onnxruntime"]}
    assert any(re.search(r"macosx_\d+_\d+_(x86_64|universal2)", url) for urls in wheels.values() for url in urls)
