"""Values on their way through JSON: the same afterwards, or refused by their place."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pytest

from mainline.runtime.typed_json import LONGEST, MOST, InvalidJson, decode, encode, parse


class Colour(StrEnum):
    red = "red"


@dataclass(frozen=True)
class Part:
    name: str
    size: int | None = None


@dataclass(frozen=True)
class Whole:
    colour: Colour
    share: float
    parts: list[Part]
    counts: dict[str, int] = field(default_factory=dict)
    any: list[dict[str, Any]] = field(default_factory=list)
    best: Part | None = None


WHOLE = Whole(Colour.red, 0.5, [Part("a"), Part("b", 2)], {"x": 1}, [{"k": "v", "n": 1.5, "none": None}], Part("c"))


def through(value: Whole) -> Whole:
    return decode(Whole, parse(json.dumps(encode(Whole, value), allow_nan=False).encode()))


def test_a_value_is_the_same_after_its_json() -> None:
    assert through(WHOLE) == WHOLE


@pytest.mark.parametrize("share", [math.inf, -math.inf, 1e300, -0.0])
def test_a_number_that_json_has_none_for_comes_back(share: float) -> None:
    assert through(Whole(Colour.red, share, [])).share == share
    assert math.isnan(through(Whole(Colour.red, math.nan, [])).share)


def test_a_number_that_is_null_could_not_be_measured() -> None:
    assert math.isnan(decode(Whole, {"colour": "red", "share": None, "parts": []}).share)


def test_numbers_of_numpy_and_values_of_any_type_become_plain() -> None:
    given: Any = Whole(
        Colour.red, np.float64(0.25), [Part("a", np.int64(3))], any=[{"day": np.datetime64("2013-09-01")}]
    )
    found = through(given)
    assert found.parts == [Part("a", 3)]
    assert found.any == [{"day": "2013-09-01"}]


def test_what_a_writer_cuts_a_reader_accepts() -> None:
    found = through(Whole(Colour.red, 1, [Part("x" * 10 * LONGEST)], {"y" * 10 * LONGEST: 1}))
    assert len(found.parts[0].name) == len(next(iter(found.counts))) == LONGEST


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"share": 1, "parts": []}, "colour: missing"),
        ({"colour": "blue", "share": 1, "parts": []}, "colour: 'blue' is not one of red"),
        ({"colour": ["red"], "share": 1, "parts": []}, "colour: a list is not one of red"),
        ({"colour": "red", "share": "1", "parts": []}, "share: '1' is not a number"),
        ({"colour": "red", "share": True, "parts": []}, "share: True is not a number"),
        ({"colour": "red", "share": 1, "parts": None}, "parts: null is not a list"),
        ({"colour": "red", "share": 1, "parts": [{"name": "a"}, {"name": 1}]}, "parts[1].name: 1 is not text"),
        ({"colour": "red", "share": 1, "parts": [{"name": "a", "size": 1.0}]}, "parts[0].size: 1.0 is not a number"),
        ({"colour": "red", "share": 1, "parts": [{"name": "a", "size": -(2**60)}]}, "parts[0].size: a number beyond"),
        ({"colour": "red", "share": 1, "parts": [{"name": "a", "<b>": 1}]}, "parts[0].<b>: unknown key"),
        ({"colour": "red", "share": 1, "parts": [{"name": "a"}] * (MOST + 1)}, "parts: 10,001 items"),
        ({"colour": "red", "share": 1, "parts": [], "counts": {"k" * 5_000: 1}}, "counts: a text of 5,000"),
        ({"colour": "red", "share": 1, "parts": [], "counts": {"k": None}}, "counts.k: null is not a number"),
        ({"colour": "red", "share": 1, "parts": [], "any": [{"k": []}]}, "any[0].k: a list is not a plain value"),
        ({"colour": "red", "share": 1, "parts": [], "best": "a"}, "best: 'a' is not an object"),
        ([], "a list is not an object"),
    ],
)
def test_another_value_is_refused_by_its_place(content: Any, why: str) -> None:
    with pytest.raises(InvalidJson) as refused:
        decode(Whole, content)
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize(
    "text", [b"", b"NaN", b"[Infinity]", b'{"a": 1, "a": 2}', b"[" * 99_999, b"\xff", b"1" * 9_999]
)
def test_what_is_no_strict_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse(text)
