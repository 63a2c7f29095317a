"""PostgreSQL's `numeric`: a quantity is rounded, a name is not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from mainline.config.schema import Settings
from mainline.data.collect import collect
from mainline.data.prepare import build
from mainline.errors import ConfigurationError
from tests.mainline.data.test_as_written import FRAME, settings_of
from tests.servers import postgresql

__all__ = ["postgresql"]

LONG = "1234567890123456{}"  # as doubles, those that end with 7 and 8 are one
ROWS = f"(VALUES (1, {LONG.format(7)}::numeric, 1.10), (2, {LONG.format(8)}::numeric, 2.00)) AS t(id, n, y)"


def built(
    folder: Path, url: str, query: str, monkeypatch: pytest.MonkeyPatch, body: str = ""
) -> list[tuple[object, ...]]:
    """The frame of a table `t` that a query answers."""
    monkeypatch.setenv("SOURCE_URL", url)
    monkeypatch.syspath_prepend(str(folder))
    module = f"exact_{folder.name}"
    (folder / f"{module}.py").write_text(FRAME.format(body=body))
    given = settings_of("unused", module).model_dump(mode="json", exclude_unset=True)
    given["data"]["sources"]["t"] = {"query": query, "database": "SOURCE_URL"}
    chosen = Settings.model_validate(given)
    frame = folder / "frame.parquet"
    build(chosen, collect(chosen.data, folder, folder / "cache"), frame)
    with duckdb.connect() as con:
        return con.execute(f"SELECT c, x FROM '{frame}' ORDER BY id").fetchall()


@pytest.mark.parametrize(
    ("query", "body", "use"),
    [
        (f"SELECT id, n AS c, y, y AS x FROM {ROWS}", "", "column c is a category"),
        (f"SELECT n AS id, y, y AS x, 'a' AS c FROM {ROWS}", "", "column id is a key"),
        (
            f"SELECT id, n AS o, y, y AS x, 'a' AS c FROM {ROWS}",
            '.join(tables["t"].select("o", z=_.x), "o")',
            "column o is compared with another column",
        ),
    ],
    ids=["a category", "a key", "a join"],
)
def test_a_name_of_more_digits_than_a_double_holds_is_refused_with_the_cast_that_keeps_it(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, body: str, use: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"t\.query: {use}, .*more than 15 digits.*::text AS "):
        built(tmp_path, postgresql, query, monkeypatch, body)


def test_as_text_it_is_what_the_source_shows_and_as_a_quantity_it_is_rounded(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"SELECT id, n::text AS c, y, n AS x, n / 7 AS z FROM {ROWS}"
    found = built(tmp_path, postgresql, query, monkeypatch, ".mutate(same=_.x == 1.5)")
    assert [c for c, _ in found] == [LONG.format(7), LONG.format(8)]
    assert [x for _, x in found] == [pytest.approx(1.2345678901234567e16)] * 2


def test_a_numeric_of_few_digits_is_a_category(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"SELECT id, y AS c, y, y AS x FROM {ROWS}"
    assert [c for c, _ in built(tmp_path, postgresql, query, monkeypatch)] == ["1.1", "2.0"]
