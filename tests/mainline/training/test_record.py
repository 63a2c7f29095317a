from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mainline.errors import ConfigurationError, DataError, ExternalError
from mainline.training import record
from mainline.training.facts import FORMAT
from mainline.training.record import Holdout, Record
from tests.mainline.facts import facts

IDS = st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=50)


def kept(tmp_path: Path, pickled: bytes = b"\x80\x05N.", fingerprint: str = "f" * 64) -> Record:
    import hashlib

    known = facts(fingerprint=fingerprint, digest=hashlib.sha256(pickled).hexdigest())
    rows = {
        "row_id": np.array([3, 1], dtype=np.uint64),
        "y": np.array([1.0, np.nan]),
        "score": np.array([0.7, 0.2]),
        "train": np.array([9], dtype=np.uint64),
    }
    return record.keep(tmp_path, known, pickled, rows, {"numeric": {}, "categorical": {}})


@pytest.mark.slow
@given(IDS, st.data())
def test_align_finds_every_id_and_no_other(ids: list[int], data: st.DataObject) -> None:
    there = data.draw(st.permutations(ids))
    asked = data.draw(st.lists(st.sampled_from(ids) if ids else st.nothing(), max_size=60) if ids else st.just([]))
    strangers = [n for n in data.draw(IDS) if n not in set(ids)]
    other = Holdout(np.array(there, dtype=np.uint64), np.empty(0), np.empty(0))
    place = record.align(np.array([*asked, *strangers], dtype=np.uint64), other)
    assert [there[n] for n in place[: len(asked)]] == asked
    assert (place[len(asked) :] == -1).all()


@pytest.mark.slow
@given(arrays.arrays(np.uint64, st.integers(0, 30)))
def test_rows_that_share_an_id_are_refused_and_others_are_not(ids: np.ndarray[Any, Any]) -> None:
    if len(set(ids.tolist())) == len(ids):
        record.distinct(ids)
    else:
        with pytest.raises(DataError):
            record.distinct(ids)


def test_what_was_kept_is_found_again_whole(tmp_path: Path) -> None:
    made = kept(tmp_path)
    found = record.find(tmp_path, "f" * 64)
    assert found is not None
    assert found.facts == made.facts
    assert found.holdout.row_id.tolist() == [3, 1]
    assert np.isnan(found.holdout.y[1])
    assert found.train_rows.tolist() == [9]
    assert found.profile == {"numeric": {}, "categorical": {}}
    assert found.model() is None  # the pickle of None
    assert record.find(tmp_path, "0" * 64) is None
    assert [path.name for path in tmp_path.iterdir()] == ["f" * 64]


@pytest.mark.parametrize("name", ["rows.npz", "profile.json", "model.pkl"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, name: str, damage: str) -> None:
    path = kept(tmp_path).path / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-3])
    found = record.find(tmp_path, "f" * 64)
    assert found is not None
    with pytest.raises(ExternalError, match=rf"{name} cannot be read .*delete the folder and run again"):
        {"rows.npz": lambda: found.holdout, "profile.json": lambda: found.profile, "model.pkl": found.model}[name]()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}'])
def test_a_record_of_no_known_format_is_not_taken_for_one(tmp_path: Path, content: str) -> None:
    (kept(tmp_path).path / "record.json").write_text(content)
    with pytest.raises(ExternalError, match=r"record"):
        record.find(tmp_path, "f" * 64)


def test_bytes_that_are_not_those_recorded_are_never_unpickled(tmp_path: Path) -> None:
    made = kept(tmp_path)
    (made.path / "model.pkl").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(ExternalError, match="not the model that was recorded"):
        made.model()


def test_a_model_whose_code_is_gone_says_so(tmp_path: Path) -> None:
    made = kept(tmp_path, b"cno_such_module\nThing\n.")
    with pytest.raises(ConfigurationError, match="no_such_module"):
        made.model()


def test_keeping_again_replaces_the_whole_record(tmp_path: Path) -> None:
    first = kept(tmp_path)
    (first.path / "left over").write_text("x")
    kept(tmp_path)
    assert sorted(path.name for path in first.path.iterdir()) == [
        "model.pkl",
        "profile.json",
        "record.json",
        "rows.npz",
    ]
    assert json.loads((first.path / "record.json").read_text())["format"] == FORMAT


MANY_IDS = arrays.arrays(
    np.uint64, st.integers(0, 30), elements=st.integers(2**64 - 12, 2**64 - 1) | st.integers(0, 12)
)


@given(asked=MANY_IDS, trained=MANY_IDS, in_order=st.booleans())
def test_the_rows_among_the_training_rows_are_those_that_numpy_finds(
    asked: np.ndarray, trained: np.ndarray, in_order: bool
) -> None:
    trained = np.sort(trained) if in_order else trained
    assert [*record.among(asked, trained)] == [*np.isin(asked, trained)]
