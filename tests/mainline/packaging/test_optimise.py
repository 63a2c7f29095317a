from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.evaluation import sizes
from mainline.packaging import export, optimise, optimised_graph
from mainline.packaging.export import matrices
from mainline.serving import scorer, signature
from mainline.training import early_stopping, pipeline, tree_counts
from mainline.training.fingerprint import fingerprint
from tests.exports import Export, make

pytestmark = pytest.mark.slow  # models are fitted


def optimising(made: Export, margin: float | None = 0.05) -> Settings:
    """Its settings with a margin of the headline metric, and `export.optimise`."""
    given = made.settings
    gates = given.gates.model_copy(update={"margins": {given.compare.metric: margin} if margin else {}})
    return given.model_copy(update={"export": type(given.export)(optimise=True), "gates": gates})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("shop"), estimator_params="{max_iter: 60, early_stopping: false}")


def test_the_fewest_trees_within_the_margin_are_trained_and_the_holdout_is_not_asked(made: Export) -> None:
    settings = optimising(made)
    chosen = optimise.choose(settings, made.frame)
    *others, whole = chosen.trials
    used = next(trial for trial in chosen.trials if trial.used)
    assert [trial.trees for trial in chosen.trials] == sorted(trial.trees for trial in chosen.trials)
    assert used.trees < whole.trees == 60
    assert chosen.settings.train.params["max_iter"] == used.trees
    low = used.differences["roc_auc"][1]
    assert low is not None
    assert low > -0.05
    assert all(trial.refused for trial in others if not trial.used)
    assert used.onnx_bytes is not None
    assert whole.onnx_bytes is not None
    assert used.onnx_bytes < whole.onnx_bytes
    rows = optimise.training_rows(settings, made.frame)
    assert {*rows["row_id"]}.isdisjoint({*made.holdout["row_id"]})
    assert 0.1 < rows[early_stopping.MARK].mean() < 0.3
    assert optimise.choose(settings, made.frame).settings == chosen.settings
    # With a margin that no smaller model holds, all trees are trained, and the table says so.
    kept = optimise.choose(optimising(made, 1e-9), made.frame)
    assert kept.settings.train.params["max_iter"] == 60
    assert all("the margin is" in str(trial.refused) for trial in kept.trials[:-1])


def test_what_has_no_trees_is_trained_as_it_is_and_without_a_margin_it_is_a_wrong_setting(made: Export) -> None:
    with pytest.raises(ConfigurationError, match=r"export\.optimise needs gates\.margins"):
        optimise.choose(optimising(made, None), made.frame)
    settings = optimising(made)
    linear = settings.train.model_copy(update={"estimator": "sklearn.linear_model.LogisticRegression", "params": {}})
    chosen = optimise.choose(settings.model_copy(update={"train": linear}), made.frame)
    assert chosen.trials == []
    assert str(chosen.why_not).startswith("sklearn.linear_model.LogisticRegression: it has no trees, or ")
    forest = settings.train.model_copy(update={"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {}})
    assert tree_counts.number(settings.model_copy(update={"train": forest})) == 100  # its own default


def test_the_rules_are_in_the_fingerprint_where_they_decide(made: Export, tmp_path: Path) -> None:
    def of(settings: Settings) -> str:
        return fingerprint(tmp_path, settings, {}).model

    plain, asked = made.settings, optimising(made)
    assert of(plain) != of(asked) != of(optimising(made, 0.01))
    assert of(plain) == of(optimising(made).model_copy(update={"export": plain.export}))


def test_the_optimised_graph_is_smaller_and_agrees_on_every_row(made: Export, tmp_path: Path) -> None:
    settings = optimising(made)
    found = export.export(settings, made.record, made.frame, tmp_path / "model")
    read = signature.read(tmp_path / "model")
    answers = np.asarray(scorer.load(read, tmp_path / "model")(*matrices(read, made.holdout)))[:, 1]
    assert answers == pytest.approx(made.scores, abs=1e-5)
    before, after = (made.folder / "model.onnx").read_bytes(), (tmp_path / "model" / "model.onnx").read_bytes()
    assert len(after) <= len(before)
    assert optimised_graph.smaller(before) == after
    assert found.engine == "onnx"
    onnx.checker.check_model(onnx.load_from_string(after))


def test_the_report_has_a_row_for_each_size(made: Export) -> None:
    chosen = optimise.choose(optimising(made), made.frame)
    facts = type(made.record.facts)(**{**vars(made.record.facts), "sizes": chosen.trials})
    (section,) = sizes.section(made.settings, type(made.record)(made.record.path, facts))
    assert len(section.rows) == len(chosen.trials)
    assert [row[-1] for row in section.rows].count("yes") == 1
    assert sizes.section(made.settings, made.record) == []
    assert pipeline.fit(chosen.settings, made.frame).pipeline.named_steps["estimator"].n_iter_ < 60
