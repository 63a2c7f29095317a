"""Text for a terminal that cannot show every character: output never fails for its encoding.

Only what every interpreter has loaded is imported, because every command starts with this.
"""

from __future__ import annotations

import codecs
import sys

HANDLER = "mainline"
# What a person reads instead, in an encoding without these.
PLAIN = {
    "✓": "+", "✗": "x", "·": "-", "▸": ">", "…": "...", "−": "-", "–": "-", "—": "-", "→": "->", "×": "x", "≥": ">=",
    "≤": "<=", "±": "+/-", "“": '"', "”": '"', "’": "'", "⚠": "!", "\ufe0f": "",
}  # fmt: skip


def never_fail() -> None:
    """Let standard output and error replace what their encoding lacks."""
    codecs.register_error(HANDLER, replacement)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)


def replacement(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in missing), error.end
