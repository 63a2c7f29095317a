"""Reading a model's `params.yaml`: the settings, and where in the file each of them stands."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.runtime import models
from mainline.runtime.models import Model

FILE = Path(models.PARAMS)  # of the model at the top; others have theirs below `models/`

Key = str | int


@dataclass(frozen=True)
class Params:
    """The settings with the text that they were read from."""

    settings: Settings
    file: str
    node: yaml.Node
    lines: list[str]

    def line(self, *keys: Key) -> int:
        """The line (from 1) of the innermost of `keys` that the file holds."""
        return line_of(self.node, keys)

    def reason(self, *keys: Key) -> str | None:
        """The comment behind the setting, on its own line, or else the lines of comment right above it.

        Those above are as far indented as the setting.
        """
        number = self.line(*keys) - 1
        own, hash_, comment = self.lines[number].partition(" #")
        if hash_:
            return comment.strip()
        mark = own[: len(own) - len(own.lstrip())] + "# "
        above = itertools.takewhile(lambda line: line.startswith(mark), reversed(self.lines[:number]))
        return " ".join(line.removeprefix(mark).strip() for line in reversed([*above])) or None


def load(file: Path | None = None) -> Params:
    """Read and check the settings in `file`; by default, those of the model that this process works for.

    Raises
    ------
    ConfigurationError
        For the first and every further wrong key or value, each with its line.
    """
    file = models.selected().params if file is None else file
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{file} not found: run this from the top folder of the repository") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8: {error}") from None
    return parse(text, str(file))


def parse(text: str, file: str = str(FILE)) -> Params:
    """As `load`, from the file's text."""
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        content = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(f"{file}:{line}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{file}:{line_of_value_error(text)}: not YAML: {error}") from None
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(f"{file}:1: expected settings, such as 'task: binary'")
    repeated = [f"{file}:{key.start_mark.line + 1}: {key.value} is set twice" for key in repeated_keys(node)]
    if repeated:
        raise ConfigurationError("\n".join(repeated))
    try:
        settings = Settings.model_validate(content)
    except ValidationError as invalid:
        problems = [explain(error, node, file) for error in invalid.errors()]  # type: ignore[arg-type]
        raise ConfigurationError("\n".join(problems)) from None
    settings = with_own_folders(settings, models.selected())
    params = Params(settings, file, node, text.splitlines())
    if not settings.extensions:  # else its modules say what there is: `check` of gates and sources
        refuse(params, [(keys, no_setting(keys, valid_names(keys[:-1]))) for keys in added_settings(settings)])
    return params


def with_own_folders(settings: Settings, model: Model) -> Settings:
    """The settings of a model with a name: what they do not say about its folders is not that of the one at the top."""
    if not model.name:
        return settings
    data, monitor = settings.data, settings.monitor
    if "expectations" not in data.model_fields_set:
        data = data.model_copy(update={"expectations": str(model.expectations)})
    if "log" not in monitor.model_fields_set:
        monitor = monitor.model_copy(update={"log": model.log})
    return settings.model_copy(update={"data": data, "monitor": monitor})


def refuse(params: Params, problems: Iterable[tuple[Sequence[Key], str]]) -> None:
    """Refuse what is wrong with some settings, each with its line.

    Raises
    ------
    ConfigurationError
        Where there is a problem.
    """
    said = [f"{params.file}:{params.line(*keys)}: {problem}" for keys, problem in problems]
    if said:
        raise ConfigurationError("\n".join(said))


def added_settings(settings: Settings) -> Iterator[tuple[Key, ...]]:
    """Where a setting stands that no built-in gate or source takes: one that the project added may."""
    yield from (("gates", name) for name in settings.gates.model_extra or {})
    for source, given in settings.data.sources.items():
        yield from (("data", "sources", source, name) for name in given.model_extra or {})


def type_problems(params: Params, kind: Any, value: object, at: tuple[Key, ...]) -> Iterator[tuple[Sequence[Key], str]]:
    """What is wrong with the value of the setting `at`, which must be of the type `kind`."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as invalid:
        valid = list(getattr(kind, "model_fields", ()))
        for error in invalid.errors():
            yield explained(error, params.node, at, valid)  # type: ignore[arg-type]


def no_setting(keys: Sequence[Key], valid: Sequence[str]) -> str:
    """That there is no such setting, with the nearest valid one."""
    near = difflib.get_close_matches(str(keys[-1]), valid, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(valid)}"
    return f"{'.'.join(map(str, keys))} is not a setting: {hint}"


def line_of_value_error(text: str) -> int:
    """The line of a date that does not exist: YAML parses dates, but its error has no line."""
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.ScalarEvent) and event.style is None:
            try:
                yaml.load(event.value, Loader=yaml.CSafeLoader)
            except ValueError:
                return int(event.start_mark.line) + 1 if event.start_mark else 1
            except yaml.YAMLError:
                continue
    return 1


def repeated_keys(node: yaml.Node) -> Iterator[yaml.Node]:
    """Keys that a mapping contains twice: YAML silently keeps the last."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key
            seen.add(key.value)
            yield from repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from repeated_keys(value)


def line_of(node: yaml.Node, keys: Sequence[Key]) -> int:
    line = node.start_mark.line
    for key in keys:
        step = child(node, key)
        if step is None:
            break
        line, node = step
    return line + 1


def child(node: yaml.Node, key: Key) -> tuple[int, yaml.Node] | None:
    """The line (from 0) and the value of `key` in a mapping or sequence."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line, node.value[key]
    return None


def explain(error: dict[str, Any], node: yaml.Node, file: str) -> str:
    """A pydantic error as a message, with the line and the nearest valid name."""
    keys, problem = explained(error, node, ())
    return f"{file}:{line_of(node, keys)}: {problem}"


def explained(
    error: dict[str, Any], node: yaml.Node, at: tuple[Key, ...], valid: Sequence[str] | None = None
) -> tuple[list[Key], str]:
    """The setting below `at` that one of pydantic's errors is about, and the error in words."""
    keys = (*at, *error["loc"])
    found = [key for key in keys if isinstance(key, (str, int))]
    # The location also contains the branch of a union, which is not in the file.
    present: list[Key] = []
    place = node
    for key in found:
        step = child(place, key)
        if step is None:
            break
        place = step[1]
        present.append(key)
    name = ".".join(str(key) for key in present)
    if error["type"] == "extra_forbidden":
        return present, no_setting(present, valid_names(present[:-1]) if valid is None else valid)
    if error["type"] == "missing":
        missing = ".".join([*map(str, present), str(keys[-1])])
        return present, f"{missing} is required"
    message = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    short = f", not {given!r}" if isinstance(given, (str, int, float, bool)) and error["type"] != "value_error" else ""
    if error["type"] == "literal_error" and isinstance(given, str):
        options = [part.strip(" '") for part in error["ctx"]["expected"].replace(" or ", ", ").split(",")]
        near = difflib.get_close_matches(given, options, n=1)
        short += f": did you mean {near[0]}?" if near else ""
    return present, f"{name or 'the file'}: {message[:1].lower() + message[1:]}{short}"


def valid_names(path: Sequence[Key]) -> list[str]:
    """The names of the settings below `path`."""
    model: type[BaseModel] | None = Settings
    for key in path:
        model = model_below(model, key) if model else None
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def model_below(model: type[BaseModel], key: Key) -> type[BaseModel] | None:
    field = model.model_fields.get(str(key))
    return model_in(field.annotation) if field else model


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings class inside an annotation such as `Lead | None` or `dict[str, Source]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = model_in(part)
        if found:
            return found
    return None
