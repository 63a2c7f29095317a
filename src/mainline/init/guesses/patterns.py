"""Features in few words: many columns of one stem and a number are named by a pattern, `pixel_*`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from mainline.data.feature_patterns import STAR, matched
from mainline.init.kinds import kind_of
from mainline.init.proposal import Column, Use

FEWEST = 12  # columns that a pattern stands for: fewer are listed
NUMBERED = re.compile(r"(?P<stem>.*?)(?P<number>\d+)(?P<rest>(?:[._ -]?\d+)*)", re.DOTALL)


def families(names: Sequence[str]) -> dict[str, list[str]]:
    """The columns of each stem that are told apart by a number only."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        number = NUMBERED.fullmatch(name)
        if number and number["stem"]:
            found[number["stem"]].append(name)
    return {stem: members for stem, members in found.items() if len(members) >= FEWEST}


def with_constants(table: Mapping[str, Column], uses: Mapping[str, Use]) -> dict[str, Use]:
    """Constants among many columns of one kind, such as the pixels of a margin, stay: the pattern is their name."""
    changed = dict(uses)
    for stem, members in families(list(uses)).items():
        numeric = [name for name in members if uses[name].role == "numeric"]
        if len(numeric) < len(members) / 2:
            continue
        for name in members:
            if kind_of(table[name].type) == "number" and table[name].distinct == 1 and uses[name].role == "left out":
                changed[name] = Use("numeric", f"constant so far, as others of {stem}{STAR} are not")
    return changed


def named(features: Sequence[str], every: Collection[str]) -> list[str]:
    """The features by name and by pattern; `every` is all columns of the frame, of which no other may match."""
    patterns: dict[str, str] = {}
    for stem, names in families(features).items():
        pattern = stem + STAR
        if STAR not in stem and set(matched(pattern, list(every))) == set(names):
            patterns |= dict.fromkeys(names, pattern)
    return list(dict.fromkeys(patterns.get(name, name) for name in features))
