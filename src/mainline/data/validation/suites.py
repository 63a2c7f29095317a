"""Expectation suites as YAML files, checked against Great Expectations before any data is read."""

from __future__ import annotations

import difflib
import functools
import importlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mainline.config.extensions import Declarations
from mainline.data.validation.results import Severity
from mainline.errors import ConfigurationError

os.environ["GX_ANALYTICS_ENABLED"] = "false"

SUITE_KEYS = ("name", "meta", "notes", "expectations")
RULE_KEYS = ("type", "kwargs", "severity", "meta", "description")
PARAMETER = "$PARAMETER"

MODULES: Declarations[str] = Declarations("module of expectations")


@dataclass(frozen=True)
class Rule:
    """One expectation as the file has it."""

    type: str
    kwargs: dict[str, Any]
    severity: Severity
    meta: dict[str, Any]
    description: str | None
    line: int

    @property
    def column(self) -> str | None:
        """The column that it is about; several are joined with commas."""
        columns = self.kwargs.get("column") or self.kwargs.get("column_list")
        if columns is None and "column_A" in self.kwargs:
            columns = [self.kwargs["column_A"], self.kwargs["column_B"]]
        return ", ".join(columns) if isinstance(columns, list) else columns

    @property
    def note(self) -> str | None:
        notes = self.meta.get("notes")
        return str(notes).strip() if notes else None

    @property
    def parameters(self) -> set[str]:
        """The names that `validate` must be given values for."""
        return {value[PARAMETER] for value in self.kwargs.values() if isinstance(value, dict) and PARAMETER in value}


@dataclass(frozen=True)
class Suite:
    name: str
    path: Path
    rules: list[Rule]
    line: int = 1  # of the key `expectations`


def load_suite(path: Path) -> Suite:
    """Read a suite; the file's structure is Great Expectations' own.

    Raises
    ------
    ConfigurationError
        With file, line and the nearest valid name, for what Great Expectations or this project
        does not know: a type of expectation, one of its kwargs or their values, a severity.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: this expectation suite does not exist") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(f"{path}: a suite is a mapping with the key 'expectations'")
    entries = fields(root, path, SUITE_KEYS, "a suite")
    if "expectations" not in entries:
        raise ConfigurationError(f"{path}: the key 'expectations' is missing")
    listed = entries["expectations"]
    if not isinstance(listed, yaml.SequenceNode) or not listed.value:
        raise fault(path, listed, "'expectations' is a list of at least one expectation")
    name = str(construct(entries["name"])) if "name" in entries else path.stem
    return Suite(name, path, [read_rule(node, path) for node in listed.value], listed.start_mark.line + 1)


def read_rule(node: yaml.Node, path: Path) -> Rule:
    entries = fields(node, path, RULE_KEYS, "an expectation")
    if "type" not in entries:
        raise fault(path, node, "an expectation needs a 'type'")
    type_ = str(construct(entries["type"]))
    known = expectation_types()
    if type_ not in known:
        raise fault(path, entries["type"], f"there is no expectation {type_!r}{nearest(type_, known)}")
    severity = str(construct(entries["severity"])) if "severity" in entries else Severity.critical.value
    if severity not in list(Severity):
        allowed = " or ".join(Severity)
        raise fault(
            path, entries["severity"], f"a severity is {allowed}, not {severity!r}{nearest(severity, Severity)}"
        )
    meta = construct(entries["meta"]) if "meta" in entries else {}
    if not isinstance(meta, dict):
        raise fault(path, entries["meta"], "'meta' is a mapping, such as {notes: why this must hold}")
    description = str(construct(entries["description"])) if "description" in entries else None
    kwargs = read_kwargs(type_, entries.get("kwargs"), node, path)
    return Rule(type_, kwargs, Severity(severity), meta, description, node.start_mark.line + 1)


def read_kwargs(type_: str, node: yaml.Node | None, rule: yaml.Node, path: Path) -> dict[str, Any]:
    """The kwargs as Great Expectations' own class for `type_` accepts them."""
    from great_expectations.compatibility.pydantic import ValidationError

    implementation = expectation_types()[type_]
    entries = fields(node, path, arguments(type_), type_) if node is not None else {}
    kwargs = {name: construct(value) for name, value in entries.items()}
    try:
        implementation(**kwargs)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        about = first["msg"] if name == "__root__" else f"{name}: {first['msg']}"
        raise fault(path, entries.get(name, rule), f"{type_}: {about}") from None
    return kwargs


def expectation_module(name: str) -> None:
    """Register a project's own module of expectations by its import path.

    It is imported where a suite is read, and not before: Great Expectations takes 3 s to import.
    """
    MODULES.add(name, name, name)


def expectation_types() -> dict[str, Any]:
    """Every expectation that this process knows, by its type: Great Expectations', this package's, the project's.

    Raises
    ------
    ConfigurationError
        Where a project's module does not import, or names an expectation like one that is built in.
    """
    known = built_in_types()
    for module in MODULES:
        with MODULES.calling(module):
            importlib.import_module(module)
    found = registered_types()
    for name, implementation in known.items():
        if found[name] is not implementation:
            other = found[name].__module__
            raise ConfigurationError(f"the expectation {name} of {other} is built in: choose another name")
    return found


@functools.cache
def built_in_types() -> dict[str, Any]:
    import mainline.data.validation.between_periods
    import mainline.data.validation.expectations  # noqa: F401 (these register this package's)

    return registered_types()


def registered_types() -> dict[str, Any]:
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    return {name: get_expectation_impl(name) for name in list_registered_expectation_implementations()}


def arguments(type_: str) -> list[str]:
    """The kwargs of a type, without what every expectation has (its id, its severity, its result format, …)."""
    from great_expectations.expectations.expectation import Expectation

    implementation = expectation_types()[type_]
    return sorted(set(implementation.__fields__) - set(Expectation.__fields__) - {"batch_id", "table"})


def fields(node: yaml.Node, path: Path, allowed: Sequence[str], what: str) -> dict[str, yaml.Node]:
    """A mapping's values by key; an unknown or repeated key is refused."""
    if not isinstance(node, yaml.MappingNode):
        raise fault(path, node, f"{what} is a mapping")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.value not in allowed:
            raise fault(path, key, f"{what} has no key {key.value!r}{nearest(key.value, allowed)}")
        if key.value in found:
            raise fault(path, key, f"the key {key.value!r} is set twice")
        found[key.value] = value
    return found


def construct(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()


def nearest(name: str, names: Iterable[str]) -> str:
    names = [str(known) for known in names]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(head(names, 12))}"


def head(names: Iterable[str], count: int) -> Iterator[str]:
    for position, name in enumerate(names):
        if position == count:
            yield "…"
            return
        yield name


def fault(path: Path, node: yaml.Node, message: str) -> ConfigurationError:
    return ConfigurationError(f"{path}:{node.start_mark.line + 1}: {message}")
