"""Change one value in the text of `params.yaml`; everything else stays as it is written."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from mainline.config.loader import Key


def with_value(text: str, keys: Sequence[Key], value: str, comment: str | None = None) -> str | None:
    """The text with another value of a setting and another comment behind it; None where it is not in the text.

    A comment is written only where nothing but a comment follows the value on its line.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((inner for name, inner in node.value if name.value == str(key)), None)
    if not isinstance(node, yaml.ScalarNode):
        return None
    start, end = node.start_mark.index, node.end_mark.index
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    behind = text[end:stop]
    if comment is not None and (not behind.strip() or behind.lstrip().startswith("#")):
        room = len(text[start:end]) + len(behind) - len(behind.lstrip()) if behind.strip() else len(value) + 1
        behind = f"{' ' * max(room - len(value), 1)}# {comment}"
    return text[:start] + value + behind + text[stop:]
