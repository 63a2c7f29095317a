"""The first estimator: trees where there are rows for them, a linear model where there are not."""

from __future__ import annotations

from typing import Any

from mainline.init.guesses.classes import Label
from mainline.init.guesses.holdout import Holdout
from mainline.init.guesses.table import Context

ENOUGH = 2000  # rows of training
MANY = 20_000
WIDE = 1000  # features


def guess(context: Context, label: Label, holdout: Holdout, features: int) -> dict[str, Any]:
    """The section `train` of params.yaml."""
    trees = label.rows >= ENOUGH and holdout.training >= ENOUGH / 2 and features < WIDE
    if label.task == "multiclass" and label.counts:
        trees = trees and holdout.training / len(label.counts) >= 200
    told, regression = context.told, label.task == "regression"
    if trees:
        name = f"sklearn.ensemble.HistGradientBoosting{'Regressor' if regression else 'Classifier'}"
        why = f"{holdout.training:,} rows of training: enough for trees, which take missing values and any scale"
        many = holdout.training >= MANY
        params: dict[str, Any] = {
            "max_iter": 200 if many else 100,
            "learning_rate": 0.1 if many else 0.06,
            **({} if many else {"max_leaf_nodes": 15}),
            "early_stopping": False,
            "random_state": 0,
        }
        told.reasons["train", "params", "early_stopping"] = "it would hold out rows at random"
        kinds = {"categorical": "ordinal", "numeric": "passthrough"}
    else:
        few = f"{holdout.training:,} rows of training" + (f" and {features:,} features" if features >= WIDE else "")
        why = f"{few}: a linear model needs fewer rows than trees"
        name = "sklearn.linear_model.Ridge" if regression else "sklearn.linear_model.LogisticRegression"
        params = {"alpha": 1.0} if regression else {"C": 0.01 if features >= WIDE else 1.0, "max_iter": 1000}
        if regression and features >= WIDE:
            params["alpha"] = 100.0
        kinds = {"categorical": "onehot", "numeric": "standardize"}
    told.decide("train.estimator", name.rsplit(".", 1)[-1], why, "params.yaml: train.estimator")
    told.reasons["train", "estimator"] = why
    return {"estimator": name, "params": params, **kinds}
