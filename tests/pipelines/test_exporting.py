"""From a checkout to an answer over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.mainline.serving.conftest import started
from tests.pipelines.shops import lean


@pytest.mark.slow
def test_a_checkouts_model_is_trained_once_exported_served_and_scores_a_file(tmp_path: Path) -> None:
    shop = lean(tmp_path / "shop")
    first = shop.mainline("export", "--version", "4")
    assert first.status == 0, first.err
    assert "model.onnx, agrees on" in first.err
    folder = shop.path(".mainline/model")
    assert first.out.strip() == str(folder)
    digest = json.loads((folder / "serving.json").read_text())["digest"]

    again = shop.mainline("export", "--to", "elsewhere")
    assert (again.status, "train " in again.err) == (0, False), again.err
    assert json.loads(shop.path("elsewhere/serving.json").read_text())["digest"] == digest

    with started(folder) as server:
        assert server.get("/version").json["version"] == "4"
        card = server.get("/model-card").body.decode()
        assert card == (folder / "model-card.md").read_text()
        assert "version 4\n" in card
        assert "| fingerprint |" in card
        row = {"shop": "north", "minutes": 12.5, "pages": 3}
        ((_, probability),) = server.post({"dataframe_records": [row]}).predictions
    pd.DataFrame([{"visit": 1, **row}]).to_csv(shop.path("one.csv"), index=False)
    scored = shop.mainline("predict", "one.csv")
    answers = "one.predictions.csv"
    assert (scored.status, scored.out.strip()) == (0, answers), scored.err
    assert pd.read_csv(shop.path(answers))["probability"].tolist() == pytest.approx([probability])
    pd.DataFrame([{"visit": 9999, "at": "2026-03-03 10:00:00+00", **row}]).to_csv(shop.path("raw.csv"), index=False)
    prepared = shop.mainline("predict", "raw.csv", "--raw", "1")
    assert (prepared.status, prepared.out.strip()) == (0, "raw.predictions.csv"), prepared.err
    assert pd.read_csv(shop.path(prepared.out.strip()))["probability"].tolist() == pytest.approx([probability])
    # Another model's export is not used in its place.
    shop.edit("params.yaml", ("max_iter: 30", "max_iter: 3"), ("threshold: 0.4", "threshold: 0.3"))
    anew = shop.mainline("predict", "one.csv")
    assert (anew.status, "export " in anew.err) == (0, True), anew.err
    made = json.loads((folder / "serving.json").read_text())
    assert (made["digest"] == digest, made["threshold"]) == (False, 0.3)
    assert pd.read_csv(shop.path(answers))["probability"].tolist() != pytest.approx([probability])
    shop.edit("params.yaml", ("estimator: sklearn.ensemble.Hist", "estimator: sklearn.ensemble.Missing"))
    refused = shop.mainline("predict", "one.csv")
    assert (refused.status, refused.out) == (2, ""), refused.err
    named = shop.mainline("predict", "one.csv", "--model", str(folder))
    assert named.status == 0, named.err


@pytest.mark.slow
def test_what_the_server_lacks_is_said_with_the_way_out(tmp_path: Path) -> None:
    shop = lean(tmp_path / "shop")
    found = shop.mainline("serve", "--port", "0")
    assert found.status == 2
    assert "serving.json does not exist: `mainline export` writes it" in found.err
