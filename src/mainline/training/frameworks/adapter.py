"""The adapter of a framework: what a fit with it needs beside scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mainline.config.schema import Settings, Train
    from mainline.training.frameworks.file_matrix import FileMatrix

Params = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """Preprocessed rows: (n, features) and the target (n,), once to fit and once to stop at."""

    fit_x: Any
    fit_y: Any
    stop_x: Any
    stop_y: Any


@dataclass(frozen=True)
class Adapter:
    """One framework; `module` is the package, or the module, of the estimator's class or one that it derives from."""

    module: str
    title: str
    # Parameters that `params.yaml` leaves open: threads, a repeatable result, no output.
    defaults: Callable[[Train], Params] = lambda train: {}
    # Parameters for so many categorical columns, which come first, and so many numeric ones.
    native: Callable[[int, int], Params] | None = None
    # As `native`, of what is passed to `fit` instead of the constructor.
    native_fit: Callable[[int], Params] = lambda categorical: {}
    # Fits with early stopping after so many rounds without improvement, and returns the best number of rounds. The last
    # are further parameters of `fit`.
    stop: Callable[[Any, Data, int, Params], int] | None = None
    # Fits on a matrix in a file, without holding it. The last are further parameters of `fit`.
    fit_file: Callable[[Any, FileMatrix, Params], None] | None = None
    # Fits on a matrix in a file that several Spark workers see, a part of the rows each.
    fit_on_spark: Callable[[Settings, Any, FileMatrix], None] | None = None
    # Removes from a fitted estimator what no prediction depends on and differs between two fits, such as the time.
    tidy: Callable[[Any], None] = lambda estimator: None
    # The target as the framework wants it, by the task.
    target: Callable[[Any, str], Any] = lambda target, task: target
    named: tuple[str, ...] = ()  # parameters that may be an import path: a class or function of the project's own
    rounds: tuple[str, ...] = ()  # the names of the parameter for the number of rounds, the usual one first
    seed: str | None = None  # the parameter for the seed, where the constructor does not name it
    raw: bool = False  # takes the features by name and as they are: nothing is fitted before it
    frame: bool = False  # takes native categories as integers in a data frame
    gpu: Params = field(default_factory=dict)  # parameters that ask for a GPU
    no_gpu: Callable[[], str | None] = lambda: None  # why there is none for it here; None where there is
