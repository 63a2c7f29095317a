"""Pieces of Python: strings, the text of a docstring, and the format that the lint asks for."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

from mainline.init.writing.yaml_text import comment

WIDTH = 120


def string(text: str) -> str:
    """A literal in double quotes, as the formatter writes it."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else json.dumps(text)


def prose(text: str, indent: int) -> str:
    """The inside of a docstring: paragraphs, each wrapped; the last line has its own end where there are several."""
    paragraphs = [comment(part).replace("\\", "\\\\").replace('"', "'") for part in text.split("\n\n")]
    width = WIDTH - 3 - indent  # room for the quotes
    filled = [textwrap.fill(part, width, break_long_words=False, break_on_hyphens=False) for part in paragraphs]
    inside = textwrap.indent("\n\n".join(filled), " " * indent).strip()
    return f"{inside}\n{' ' * indent}" if "\n" in inside else inside


def formatted(text: str) -> str:
    """The text as ruff formats it, where ruff is installed; a line that stays too long is let pass by name."""
    ruff = Path(sys.executable).with_name("ruff")
    if ruff.is_file():
        done = subprocess.run(
            [ruff, "format", "--isolated", f"--line-length={WIDTH}", "-"],
            input=text, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        text = done.stdout if done.returncode == 0 else text
    lines = [f"{line}  # noqa: E501" if len(line) > WIDTH else line for line in text.splitlines()]
    return "\n".join(lines) + "\n"
