"""The package as it is written."""

from __future__ import annotations

import dataclasses

import pytest

from mainline.init.proposal import Derived
from mainline.init.writing import package
from tests.mainline.init.writing.proposals import bookings

pytestmark = pytest.mark.slow


def frame_of(text: str, name: str) -> list[str]:
    """The columns that the written function adds to an Ibis table."""
    import ibis

    namespace: dict[str, object] = {}
    exec(text, namespace)
    rows = ibis.table({"booking": "int64", "at": "timestamp", "nights": "int64", "cancelled": "int64"}, name=name)
    return list(namespace["prepare"]({name: rows}).columns)[4:]  # type: ignore[operator]


def test_columns_with_any_name_are_computed() -> None:
    odd = ["größe x", "class", "self", 'a "quoted" \\ name', "ﬁeld", "line\nbreak"]
    added = tuple(Derived(name, "_.nights + ibis.literal(1)", "numeric", 'why "this" \\ \n one') for name in odd)
    text = package.frame(dataclasses.replace(bookings(), derived=added, table='the "table"'))
    assert set(frame_of(text, 'the "table"')) == set(odd)
    assert max(map(len, text.splitlines())) <= 120


def test_without_anything_to_compute_the_table_is_the_frame() -> None:
    text = package.frame(dataclasses.replace(bookings(), derived=(), label_expression=None))
    assert text.endswith('    return tables["bookings"]\n')
    assert "import _" not in text
    assert frame_of(text, "bookings") == []


def test_a_second_table_is_joined_before_the_label_is_computed() -> None:
    join = 'tables["bookings"].left_join(tables["stays"], "booking").drop("booking_right")'
    text = package.frame(dataclasses.replace(bookings(), join=join, derived=()))
    assert f"    rows = {join}\n    return rows.mutate(\n" in text
