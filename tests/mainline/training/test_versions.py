import pickle
from typing import NoReturn

import pytest

from mainline.training.frameworks import versions


def test_the_frameworks_of_a_model_are_those_that_its_pickle_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "installed", lambda modules: dict.fromkeys(modules, "1"))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert versions.of_model(pickle.dumps(["xgboost.sklearn", 1], protocol)) == {"xgboost": "1"}
        assert versions.of_model(pickle.dumps(["notxgboost.sklearn", "xgboost"], protocol)) == {}


def test_a_pickle_without_a_frameworks_name_is_not_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    def genops(pickled: bytes) -> NoReturn:
        raise AssertionError("it is read")

    monkeypatch.setattr(versions.pickletools, "genops", genops)
    assert versions.of_model(pickle.dumps(["sklearn.pipeline", list(range(1000))])) == {}
