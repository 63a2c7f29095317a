"""Records that are not what they claim, as earlier versions could write them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mainline.evaluation import verify
from mainline.runtime.workspace import Workspace
from mainline.training.record import Record
from tests.pipelines.shops import lean
from tests.pipelines.test_moved_sources import ruined
from tests.projects import Project

pytestmark = pytest.mark.slow


def train(shop: Project) -> int:
    return shop.mainline("train", "--state", ".mainline", "--contract", "1").status


def frame_of(shop: Project) -> Path:
    (found,) = (shop.root / ".mainline" / "frames").glob("*.parquet")
    return found


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A shop whose only record holds the model of a table that was there for a moment, and the record's name."""
    shop = lean(tmp_path_factory.mktemp("shop"))
    assert train(shop) == 0
    (good,) = shop.records
    aside = shop.root.parent / "good.parquet"
    shutil.copy(shop.root / "data" / "visits.parquet", aside)
    facts = json.loads(good.read_text())
    shutil.rmtree(shop.root / ".mainline")
    ruined(shop.root / "data" / "visits.parquet")
    assert train(shop) == 0
    (bad,) = shop.records
    shutil.copy(aside, shop.root / "data" / "visits.parquet")
    # What the race did: the ruined table's record and frame under the good table's names.
    wrong = json.loads(bad.read_text())
    bad.write_text(json.dumps({**wrong, **{name: facts[name] for name in ("fingerprint", "frame", "parts", "clean")}}))
    shutil.move(bad.parent, bad.parent.parent / facts["fingerprint"])
    frames = shop.root / ".mainline" / "frames"
    shutil.move(frames / f"{wrong['frame']}.parquet", frames / f"{facts['frame']}.parquet")
    return shop, facts["fingerprint"]


def test_a_poisoned_record_is_found_and_removed_and_the_next_run_trains_again(poisoned: tuple[Project, str]) -> None:
    shop, name = poisoned
    assert verify.same_frame(frame_of(shop), frame_of(shop))
    found = shop.mainline("verify", "--remove")
    assert found.status == 1, found.err
    assert f"✗ {name[:12]}  it was made from other data than its fingerprint says" in found.out
    assert "removed: 1. The next run trains again." in found.out
    assert shop.records == []
    assert not list((shop.root / ".mainline" / "frames").glob("*.parquet"))
    assert train(shop) == 0
    assert [Record.read(path.parent).fingerprint for path in shop.records] == [name]
    runs = MlflowClient(f"sqlite:///{shop.root / '.mainline' / 'mlflow.db'}").search_runs(["1"])
    assert sorted(run.data.tags["logged"] for run in runs if run.data.tags["fingerprint"] == name) == ["whole"]


def test_a_record_whose_model_was_changed_is_found_without_training(
    poisoned: tuple[Project, str], tmp_path: Path
) -> None:
    shop, name = poisoned
    workspace = Workspace.at(tmp_path)
    shutil.copytree(shop.root / ".mainline" / "records", workspace.records)
    (workspace.records / name / "model.pkl").write_bytes(b"another")
    records, damaged = verify.read_records(workspace.records)
    assert not records
    assert [(each.fingerprint, each.state) for each in damaged] == [(name, "wrong")]
    assert "it is not the model that was recorded" in damaged[0].text
