"""Names of a project and its tables, from the names of files."""

from __future__ import annotations

import re
import unicodedata


def slug(text: str) -> str:
    """A lower-case identifier that reads like `text`: `Müller-Daten (2)` becomes `mueller_daten_2`."""
    spelled = text.lower()
    for letter, letters in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"}.items():
        spelled = spelled.replace(letter, letters)
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    found = re.sub(r"\W+", "_", plain).strip("_")
    if not found:
        return "rows"
    return f"t_{found}" if found[0].isdigit() else found
