"""Changes in the text of `params.yaml`: one value, one more entry, one item less; all else stays as it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from mainline.config.loader import Key


def with_value(text: str, keys: Sequence[Key], value: str, comment: str | None = None) -> str | None:
    """The text with another value of a setting and another comment behind it; None where it is not in the text.

    A comment is written only where nothing but a comment follows the value on its line.
    """
    node = node_at(text, keys)
    if not isinstance(node, yaml.ScalarNode) and not (isinstance(node, yaml.CollectionNode) and node.flow_style):
        return None
    start, end = node.start_mark.index, node.end_mark.index
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    behind = text[end:stop]
    if comment is not None and (not behind.strip() or behind.lstrip().startswith("#")):
        room = len(text[start:end]) + len(behind) - len(behind.lstrip()) if behind.strip() else len(value) + 1
        behind = f"{' ' * max(room - len(value), 1)}# {comment}"
    elif behind.lstrip().startswith("#"):  # the comments of neighbouring lines stay below each other
        room = len(text[start:end]) + len(behind) - len(behind.lstrip())
        behind = f"{' ' * max(room - len(value), 1)}{behind.lstrip()}"
    return text[:start] + value + behind + text[stop:]


def with_entry(text: str, keys: Sequence[Key], name: str, value: str) -> str | None:
    """The text with one more entry at the end of a section; None where the section is not in the text."""
    node = node_at(text, keys)
    if not isinstance(node, yaml.MappingNode):
        return None
    if node.flow_style:
        at = leaf_end(node.value[-1][1]) if node.value else node.start_mark.index + 1
        return f"{text[:at]}{', ' if node.value else ''}{name}: {value}{text[at:]}"
    stop = text.find("\n", leaf_end(node))
    stop = len(text) if stop < 0 else stop
    return f"{text[:stop]}\n{' ' * node.value[0][0].start_mark.column}{name}: {value}{text[stop:]}"


def without_item(text: str, keys: Sequence[Key], item: str) -> str | None:
    """The text without one item of a list; None where it is not in it."""
    node = node_at(text, keys)
    if not isinstance(node, yaml.SequenceNode):
        return None
    place = next((i for i, one in enumerate(node.value) if one.value == item), None)
    if place is None:
        return None
    start, end = node.value[place].start_mark.index, node.value[place].end_mark.index
    if not node.flow_style:
        if len(node.value) == 1:
            return None  # a list without items has another form
        begin = text.rfind("\n", 0, start) + 1
        stop = text.find("\n", end)
        return text[:begin] + (text[stop + 1 :] if stop >= 0 else "")
    if place + 1 < len(node.value):
        end = node.value[place + 1].start_mark.index
    elif place:
        start = node.value[place - 1].end_mark.index
    return text[:start] + text[end:]


def written(value: Any) -> str:
    """A value as it stands on one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).strip().removesuffix("...").strip()


def node_at(text: str, keys: Sequence[Key]) -> Any:
    """The node of a setting; None where it is not in the text."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((inner for name, inner in node.value if name.value == str(key)), None)
    return node


def leaf_end(node: Any) -> int:
    """Where the text of a node ends; a block's own end lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return leaf_end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)
