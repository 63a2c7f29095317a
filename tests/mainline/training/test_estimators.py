"""Estimators of a project's own or of a library, and what they do wrong: each is told as theirs, with its line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.evaluation.review import not_reproducible
from mainline.runtime.workspace import Workspace
from mainline.training import estimators, pipeline, seeds, train
from mainline.training.facts import facts_from_json, facts_to_json
from mainline.training.fingerprint import fingerprint
from mainline.training.record import Record
from tests.mainline.settings import params
from tests.projects import visits

ESTIMATOR = "sklearn.ensemble.HistGradientBoostingClassifier"
TREES = "{max_iter: 30, early_stopping: false}"
OWN = '''\
"""Estimators of this project."""

import random

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class Raises(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        return check(X)

    def predict(self, X):
        return X


def check(X):
    raise RuntimeError("no such minutes\\nmore")


class Exits(Raises):
    def fit(self, X, y):
        raise SystemExit(0)


class Odd(LogisticRegression):
    """Answers with the probability of one class."""

    def predict_proba(self, X):
        return super().predict_proba(X)[:, 1]


class Late(LogisticRegression):
    def predict_proba(self, X):
        return {}["late"]


class Held(LogisticRegression):
    def fit(self, X, y):
        self.transform = lambda x: x
        return super().fit(X, y)


class Drawn(ClassifierMixin, BaseEstimator):
    """Draws its answers from `source`."""

    def __init__(self, source="python"):
        self.source = source

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        draw = {"python": random.random, "numpy": np.random.rand, "unseeded": np.random.default_rng().random}
        self.share_ = float(draw[self.source]())
        return self

    def predict_proba(self, X):
        return np.column_stack([np.full(len(X), 1 - self.share_), np.full(len(X), self.share_)])

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def build():
    return LogisticRegression()


made = LogisticRegression()
'''


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with a package of its own, and the shop's prepared frame."""
    own = tmp_path / "src" / "ownmodels"
    own.mkdir(parents=True)
    (own / "__init__.py").write_text("")
    (own / "models.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    rows = visits(2000)
    rows.assign(row_id=np.arange(len(rows), dtype=np.uint64), day=rows["at"].dt.date).to_parquet(
        tmp_path / "frame.parquet", index=False, coerce_timestamps="us"
    )
    yield tmp_path
    for name in [name for name in list(sys.modules) if name.partition(".")[0] == "ownmodels"]:
        del sys.modules[name]


def settings(estimator: str, parameters: str = "{}", *changes: tuple[str, str]) -> Settings:
    onehot = f"{parameters}\n  categorical: onehot\n  numeric: standardize"
    return params((ESTIMATOR, estimator), (TREES, onehot), *changes).settings


def fitted(root: Path, estimator: str, parameters: str = "{}") -> pd.Series[float]:
    asked = settings(estimator, parameters)
    made = pipeline.fit(asked, root / "frame.parquet")
    rows = pipeline.read_rows(asked, root / "frame.parquet", "true LIMIT 50")
    return pd.Series(pipeline.predict(asked, made.pipeline, rows))


@pytest.mark.parametrize(
    ("estimator", "parameters", "said"),
    [
        (
            "ownmodels.models.Raises", "{}",
            r"ownmodels.models.Raises does not fit \(src/ownmodels/models.py:19\): RuntimeError: no such minutes$",
        ),
        ("ownmodels.models.Exits", "{}", r"does not fit \(src/ownmodels/models.py:24\): SystemExit: 0$"),
        ("ownmodels.models.Odd", "{}", r"answers predict_proba with shape \(50,\) for 50 rows: \(rows, 2\) is needed"),
        (
            "ownmodels.models.Late", "{}",
            r"its predict_proba failed \(src/ownmodels/models.py:36\): KeyError: 'late'",
        ),
        ("ownmodels.models.Held", "{}", "was fitted and cannot be saved.*must be importable: no lambda"),
        ("ownmodels.models.build", "{}", "it has no fit and predict, it is a function. Name a class"),
        ("ownmodels.models.made", "{}", "is an object: name its class, and its parameters in train.params"),
        ("sklearn.svm.SVC", "{}", "sklearn.svm.SVC gives no probabilities.*probability: true of SVC"),
        ("sklearn.linear_model.SGDClassifier", "{loss: hinge}", "gives no probabilities.*log_loss of SGDClassifier"),
        ("sklearn.linear_model.RidgeClassifier", "{}", "gives no probabilities.*CalibratedClassifierCV"),
        ("sklearn.linear_model.LogisticRegression", "{solver: liblinear, C: many}", "does not fit: .*'many'"),
    ],
)  # fmt: skip
def test_what_an_estimator_raises_is_told_as_its_own_with_the_line(
    root: Path, estimator: str, parameters: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        fitted(root, estimator, parameters)


@pytest.mark.parametrize("source", ["python", "numpy"])
def test_an_estimator_that_draws_from_a_global_generator_gives_the_same_model_again(root: Path, source: str) -> None:
    asked = settings("ownmodels.models.Drawn", f"{{source: {source}}}")
    first, again = (pipeline.fit(asked, root / "frame.parquet").digest for _ in range(2))
    assert first == again


class CatBoostLike:
    """Its constructor takes the seed under two names, and refuses both at once."""

    def __init__(self, random_seed: int | None = None, random_state: int | None = None) -> None:
        if random_seed is not None and random_state is not None:
            raise ValueError("only one of the parameters random_seed, random_state should be initialized.")
        self.random_seed, self.random_state = random_seed, random_state

    def fit(self, X: object, y: object) -> CatBoostLike:
        return self

    def predict(self, X: object) -> object:
        return X


class TakesAny(CatBoostLike):
    def __init__(self, random_state: int | None = None, **more: int) -> None:
        super().__init__(random_state=random_state)
        self.more = more


def test_a_seed_by_another_name_is_not_given_twice() -> None:
    here = f"{__name__}.CatBoostLike"
    made = estimators.estimator(settings(here, "{random_seed: 7}").train)
    assert (made.random_seed, made.random_state) == (7, None)
    assert estimators.estimator(settings(here).train).random_state == 0
    assert estimators.estimator(settings(f"{__name__}.TakesAny").train).random_state == 0
    assert estimators.estimator(settings(f"{__name__}.TakesAny", "{seed: 3}").train).more == {"seed": 3}


def test_a_library_that_the_fit_has_loaded_is_seeded_and_fitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "LIBRARIES", ("colorsys",))
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)

    class Lazy:
        fits = 0

        def fit(self, features: object, target: object) -> None:
            import colorsys  # noqa: F401

            self.fits += 1

    lazy = Lazy()
    seeds.fit(lazy, None, None)
    assert lazy.fits == 2
    seeds.fit(lazy, None, None)
    assert lazy.fits == 3, "it is loaded now, and was seeded before"


def trained(root: Path, asked: Settings) -> Record:
    prints = replace(fingerprint(root, asked, {}), model="f" * 64)
    return train.train_model(asked, root, {}, prints, root / "frame.parquet").keep(Workspace.at(root))


@pytest.mark.slow
def test_a_fit_that_gives_another_model_when_repeated_is_found_and_told(root: Path) -> None:
    record = trained(root, settings("ownmodels.models.Drawn", "{source: unseeded}"))
    found = record.facts.repeats
    assert found is not None
    assert (found.fits, found.models) == (2, 2)
    assert 0 < found.largest < 1
    (told,) = not_reproducible(Record.read(record.path), "this model")
    assert told.startswith("not reproducible: 2 fits of this model with the same data, settings and seeds gave 2 ")


@pytest.mark.slow
def test_a_fit_that_can_be_repeated_is_repeated_where_that_is_cheap(root: Path) -> None:
    record = trained(root, settings("sklearn.linear_model.LogisticRegression"))
    assert record.facts.repeats is not None
    assert (record.facts.repeats.fits, record.facts.repeats.models) == (2, 1)
    assert not_reproducible(record, "this model") == []
    once = trained(root, settings("sklearn.linear_model.LogisticRegression", "{}", ("threads: 1", "repeats: 1")))
    assert once.facts.repeats is None


@pytest.mark.slow
def test_a_slow_fit_is_repeated_only_if_it_is_asked_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "CHEAP", 0.0)
    assert trained(root, settings("sklearn.linear_model.LogisticRegression")).facts.repeats is None
    asked = settings("sklearn.linear_model.LogisticRegression", "{}", ("threads: 1", "repeats: 3"))
    repeats = trained(root, asked).facts.repeats
    assert repeats is not None
    assert repeats.fits == 3


@pytest.mark.slow
def test_the_number_of_repeats_changes_no_fingerprint_and_an_older_record_has_none(root: Path) -> None:
    few, many = (params(("threads: 1", f"threads: 1\n  repeats: {n}")).settings for n in (1, 5))
    assert fingerprint(root, few, {}).model == fingerprint(root, many, {}).model
    record = trained(root, settings("sklearn.linear_model.LogisticRegression"))
    older = facts_to_json(replace(record.facts, repeats=None))
    assert "repeats" not in older
    assert facts_from_json(older, "record.json").repeats is None
    assert facts_from_json(facts_to_json(record.facts), "record.json").repeats == record.facts.repeats
