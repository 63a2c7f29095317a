"""A search's trials on their way to MLflow, while it runs: in the worker process, and none twice."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from mainline.config.schema import Settings
from mainline.registry import searches
from mainline.runtime.worker import Worker
from mainline.search.results import Found
from mainline.search.space import Dimension
from mainline.search.study import Trial
from mainline.training.fingerprint import Parts, digest


class Recorder:
    """Sends trials to MLflow; `finish` waits for them."""

    def __init__(self, worker: Worker, state: Path) -> None:
        self.worker, self.state = worker, str(state)
        self.study: dict[str, Any] = {}
        self.asked: list[Future[Any]] = []

    def open(self) -> None:
        """Open the store, and wait for it: see `searches.open_store`."""
        self.worker.submit(searches.open_store, state=self.state).result()

    def begin(self, name: str, settings: Settings, parts: Parts, trials: Sequence[Trial]) -> None:
        """Name the study, and log what an earlier call could not."""
        assert settings.search
        self.metric = settings.compare.metric
        self.study = {
            "name": name,
            "tags": {"data_digest": digest({"tables": parts.tables, "clock": parts.clock}), "metric": self.metric},
            "params": {
                "estimator": settings.train.estimator,
                "metric": self.metric,
                "folds": settings.search.folds,
                **{f"space.{key}": value for key, value in of_space(settings).items()},
            },
        }
        self.known = list(trials)

    def trial(self, trial: Trial, space: Sequence[Dimension]) -> None:
        self.known.append(trial)
        rows = [plain(one, space, self.metric) for one in self.known]
        self.known = []
        self.asked.append(self.worker.submit(searches.log_trials, state=self.state, study=self.study, trials=rows))

    def finish(self, found: Found, pages: Sequence[Path]) -> None:
        """Wait for the trials, and log what came of them.

        Raises
        ------
        ExternalError
            Where MLflow does not answer; the next call of this study logs what is missing.
        """
        for future in self.asked:
            future.result()
        made = found.proposal
        values = {self.metric: found.best.value if found.best else None, f"{self.metric}_today": found.today.value}
        values |= {f"{self.metric}_gain": found.difference.value if found.difference else None}
        values |= {"trials": float(len(found.trials)), "seconds": found.seconds}
        values |= {"holdout_questions": float(made.questions) if made else None}
        tags = {
            "outcome": str(made.outcome) if made else "",
            "branch": (made.branch if made else None) or "none",
            "best_trial": str(found.best.number) if found.best else "none",
            **({"verdict": made.verdict} if made and made.verdict else {}),
        }
        self.worker.submit(
            searches.finish,
            state=self.state,
            study=self.study,
            metrics={name: value for name, value in values.items() if value is not None and math.isfinite(value)},
            tags=tags,
            pages=[str(page) for page in pages],
        ).result()


def of_space(settings: Settings) -> dict[str, Any]:
    assert settings.search
    dumped = settings.search.model_dump(mode="json", exclude={"folds", "processes"}, exclude_defaults=True)
    return {**dumped.pop("params", {}), **dumped}


def plain(trial: Trial, space: Sequence[Dimension], metric: str) -> dict[str, Any]:
    """A trial as JSON: its parameters as `params.yaml` has them."""
    values = {one.label: one.decode(trial.values[one.name]) for one in space if one.name in trial.values}
    metrics = {metric: trial.value} if trial.value is not None else {}
    tags = {"today": str(trial.today).lower(), "folds": str(trial.folds)}
    tags |= {"reason": trial.reason} if trial.reason else {}
    tags |= {"over_limit": "; ".join(trial.broken)} if trial.broken else {}
    limits = {name.partition(".")[2]: value for name, value in trial.limits.items()}
    return {
        **{name: dataclasses.asdict(trial)[name] for name in ("number", "state")},
        "params": values,
        "metrics": {**metrics, "seconds": trial.seconds, **limits},
        "tags": tags,
    }
