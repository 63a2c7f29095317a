"""What a client is told when a whole column is unknown, or when it sends the label."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.packaging.predict import predict
from tests.exports import Export
from tests.mainline.serving.conftest import Server

pytestmark = pytest.mark.slow  # a server is started

ROW = {"shop": "north", "device": "phone", "minutes": 12.5, "pages": 3}


def test_a_request_whose_column_is_unknown_is_warned_and_counted(server: Server) -> None:
    name = 'mainline_unknown_column_total{column="shop"}'
    before = server.metric(name)
    known = server.post({"dataframe_records": [ROW, ROW | {"shop": "nowhere"}]})
    assert list(known.json) == ["predictions"], "one known value is enough"
    unknown = server.post({"dataframe_records": [ROW | {"shop": "NORTH"}, ROW | {"shop": "nowhere"}]})
    assert unknown.json["metadata"]["warnings"] == [
        "shop: all 2 values are unknown: the training data has no such category"
    ]
    many = server.post({"dataframe_records": [ROW | {"shop": "NORTH"}] * 500})
    assert many.json["metadata"]["warnings"][0].startswith("shop: all 500 values")
    assert server.metric(name) == before + 2


def test_a_file_whose_column_is_unknown_is_warned_of(binary: Export, tmp_path: Path) -> None:
    said: list[str] = []
    rows = binary.holdout[binary.signature.names].head(20).assign(shop="NORTH")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    predict(tmp_path / "rows.csv", binary.folder, tmp_path / "scored.csv", said.append)
    assert len(said) == 1
    assert "rows.csv: shop: all 20 values are unknown" in said[0]


def test_the_label_among_the_columns_is_refused_with_what_to_do(server: Server) -> None:
    for answer in (
        server.post({"dataframe_records": [ROW | {"bought": True}]}),
        server.post(b"shop,device,minutes,pages,bought\nnorth,phone,12.5,3,true\n", "text/csv"),
    ):
        assert answer.status == 400
        assert answer.message.startswith("bought is what the model predicts: leave the column out")
