"""LightGBM, XGBoost and CatBoost: repeatable, quiet, with native categories and early stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainline.training.frameworks.adapter import Adapter, Data, Params

if TYPE_CHECKING:
    from mainline.config.schema import Settings, Train
    from mainline.training.frameworks.file_matrix import FileMatrix


def first(categorical: int) -> list[int]:
    return list(range(categorical))


def unless(params: Params, names: tuple[str, ...], value: Params) -> Params:
    """`value`, unless the parameters have one of the names already: two names of one parameter are refused."""
    return {} if any(name in params for name in names) else value


# LightGBM: https://lightgbm.readthedocs.io/en/stable/Parameters.html#deterministic
def lightgbm_defaults(train: Train) -> Params:
    given = train.params
    return {
        **unless(given, ("n_jobs", "num_threads", "num_thread", "nthread", "nthreads"), {"n_jobs": train.threads}),
        **unless(given, ("deterministic",), {"deterministic": True}),
        **unless(given, ("force_col_wise", "force_row_wise"), {"force_row_wise": True}),
        **unless(given, ("verbose", "verbosity"), {"verbose": -1}),
    }


def lightgbm_stop(estimator: Any, data: Data, rounds: int, more: Params) -> int:
    from lightgbm import early_stopping

    estimator.fit(
        data.fit_x,
        data.fit_y,
        eval_X=(data.stop_x,),
        eval_y=(data.stop_y,),
        callbacks=[early_stopping(rounds, first_metric_only=True, verbose=False)],
        **more,
    )
    return int(estimator.best_iteration_ or estimator.n_estimators_)


def lightgbm_fit_file(estimator: Any, matrix: FileMatrix, more: Params) -> None:
    """LightGBM reads the rows once, into bins of one byte; its own copy of a matrix is none where it has 32 bits."""
    estimator.fit(matrix.mapped(), matrix.target, **more)


LIGHTGBM = Adapter(
    module="lightgbm",
    title="LightGBM",
    defaults=lightgbm_defaults,
    native=lambda categorical, numeric: {},
    native_fit=lambda categorical: {"categorical_feature": first(categorical)},  # as a parameter it warns
    stop=lightgbm_stop,
    fit_file=lightgbm_fit_file,
    rounds=(
        "n_estimators", "num_iterations", "num_iteration", "n_iter", "num_tree", "num_trees", "num_round", "num_rounds",
        "nrounds", "num_boost_round", "max_iter",
    ),
    gpu={"device_type": "gpu"},
)  # fmt: skip


def xgboost_defaults(train: Train) -> Params:
    return unless(train.params, ("n_jobs", "nthread"), {"n_jobs": train.threads})


def xgboost_native(categorical: int, numeric: int) -> Params:
    return {"enable_categorical": True, "feature_types": ["c"] * categorical + ["q"] * numeric}


def xgboost_stop(estimator: Any, data: Data, rounds: int, more: Params) -> int:
    estimator.set_params(early_stopping_rounds=rounds)
    estimator.fit(data.fit_x, data.fit_y, eval_set=[(data.stop_x, data.stop_y)], verbose=False)
    return int(estimator.best_iteration) + 1


def xgboost_fit_file(estimator: Any, matrix: FileMatrix, more: Params) -> None:
    """XGBoost keeps its bins in files next to the matrix, a part of which is in memory at a time.

    https://xgboost.readthedocs.io/en/stable/tutorials/external_memory.html
    """
    import xgboost

    params, types = xgboost_params(estimator, matrix)

    class Parts(xgboost.DataIter):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = matrix.parts()
            super().__init__(cache_prefix=str(matrix.path.with_name("bins")))

        def next(self, input_data: Any) -> bool:
            rows, target = next(self.left, (None, None))
            if rows is None:
                return False
            input_data(data=rows, label=target, feature_types=types)
            return True

        def reset(self) -> None:
            self.left = matrix.parts()

    given = {"max_bin": params.get("max_bin"), "enable_categorical": bool(params.get("enable_categorical"))}
    data = xgboost.ExtMemQuantileDMatrix(Parts(), missing=estimator.missing, nthread=params.get("n_jobs"), **given)
    booster = xgboost.train(params, data, num_boost_round=estimator.get_num_boosting_rounds(), verbose_eval=False)
    estimator.load_model(booster.save_raw("ubj"))


def xgboost_params(estimator: Any, matrix: FileMatrix) -> tuple[Params, list[str] | None]:
    """The parameters as XGBoost's own `train` takes them, and the types of the columns."""
    import numpy as np

    params = estimator.get_xgb_params()
    types = params.pop("feature_types", None)
    classes = len(np.unique(matrix.target)) if hasattr(estimator, "predict_proba") else 0
    if classes > 2:
        params |= {"objective": "multi:softprob", "num_class": classes}
    return params, types


def xgboost_fit_on_spark(settings: Settings, estimator: Any, matrix: FileMatrix) -> None:
    from mainline.training.frameworks import xgboost_spark

    xgboost_spark.fit(settings, estimator, matrix, *xgboost_params(estimator, matrix))


def xgboost_without_gpu() -> str | None:
    import xgboost

    if not xgboost.build_info().get("USE_CUDA"):
        return "the installed build of XGBoost has no CUDA (xgboost-cpu)"
    return None


XGBOOST = Adapter(
    module="xgboost",
    title="XGBoost",
    defaults=xgboost_defaults,
    native=xgboost_native,
    stop=xgboost_stop,
    fit_file=xgboost_fit_file,
    fit_on_spark=xgboost_fit_on_spark,
    rounds=("n_estimators", "num_boost_round"),
    seed="random_state",
    gpu={"device": "cuda"},
    no_gpu=xgboost_without_gpu,
)


def catboost_defaults(train: Train) -> Params:
    given = train.params
    return {
        **unless(given, ("thread_count", "n_jobs"), {"thread_count": train.threads}),
        **unless(given, ("allow_writing_files",), {"allow_writing_files": False}),
        **unless(given, ("logging_level", "verbose", "verbose_eval", "silent"), {"logging_level": "Silent"}),
    }


def catboost_stop(estimator: Any, data: Data, rounds: int, more: Params) -> int:
    estimator.fit(data.fit_x, data.fit_y, eval_set=(data.stop_x, data.stop_y), early_stopping_rounds=rounds)
    return int(estimator.get_best_iteration()) + 1


def catboost_tidy(estimator: Any) -> None:
    for name in ("train_finish_time", "model_guid"):
        estimator.get_metadata()[name] = ""


def catboost_without_gpu() -> str | None:
    from catboost.utils import get_gpu_device_count

    return None if get_gpu_device_count() else "CatBoost finds none here"


CATBOOST = Adapter(
    module="catboost",
    title="CatBoost",
    defaults=catboost_defaults,
    native=lambda categorical, numeric: {"cat_features": first(categorical)} if categorical else {},
    stop=catboost_stop,
    rounds=("iterations", "n_estimators", "num_boost_round", "num_trees"),
    frame=True,
    tidy=catboost_tidy,
    gpu={"task_type": "GPU"},
    no_gpu=catboost_without_gpu,
)
