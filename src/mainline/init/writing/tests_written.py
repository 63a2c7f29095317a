"""The first tests of the new project: what must hold of its frame whatever the data are."""

from __future__ import annotations

from mainline.init.proposal import Column, Proposal
from mainline.init.writing.python_text import formatted, prose, string
from mainline.runtime import models

MOST_CLASSES = 50  # those that `Column.top` holds

TEST = '''\
"""{title}"""

from pathlib import Path

import duckdb
import pytest

from mainline.config import loader
from mainline.data.collect import collect
from mainline.data.feature_patterns import resolved
from mainline.data.prepare import build
from mainline.data.split import quoted

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The settings, the collected tables and the frame as DuckDB reads it."""
    settings = loader.load(ROOT / {params}).settings
    if not all(source.is_local for source in settings.data.sources.values()):
        pytest.skip("the tables are not in this repository: make run checks them")
    folder = tmp_path_factory.mktemp("frame")
    tables = collect(settings.data, ROOT, folder)
    settings = resolved(settings, tables)
    build(settings, tables, folder / "frame.parquet")
    return settings, tables, duckdb.read_parquet(str(folder / "frame.parquet"))


def test_every_row_of_the_table_is_in_the_frame_once(prepared):
    _, tables, frame = prepared
    assert frame.aggregate("count(*), count(DISTINCT row_id)").fetchall()[0] == (tables[{table}].rows,) * 2


def test_every_feature_has_values(prepared):
    settings, _, frame = prepared
    empty = [name for name in settings.prepare.features.names if not frame.count(quoted(name)).fetchall()[0][0]]
    assert empty == []


def test_the_label_has_the_values_that_the_task_needs(prepared):
    settings, _, frame = prepared
    values = {{row[0] for row in frame.project(quoted(settings.prepare.label)).distinct().fetchall()}} - {{None}}
    assert {label}
'''


def files(proposal: Proposal) -> dict[str, str]:
    text = TEST.format(
        title=prose(f"The frame of `{proposal.name}`: what must hold of it whatever the data are.", 0),
        table=string(proposal.table),
        params=string(models.selected().params.as_posix()),
        label=of_label(proposal),
    )
    return {f"tests/{proposal.name}/test_frame.py": formatted(text)}


def of_label(proposal: Proposal) -> str:
    """What the test says of the label's values, in Python."""
    if proposal.settings["task"] == "binary":
        return "values == {True, False} or values == {0, 1}"
    if proposal.settings["task"] == "regression":
        return "len(values) > 2 and all(float(value) == float(value) for value in values)"
    classes = of_column(proposal)
    if classes is None or classes.distinct > MOST_CLASSES or proposal.label_expression:
        return "len(values) > 2"
    return f"{{str(value) for value in values}} <= {{{', '.join(string(value) for value, _ in classes.top)}}}"


def of_column(proposal: Proposal) -> Column | None:
    return next((column for column in proposal.columns if column.name == proposal.label), None)
